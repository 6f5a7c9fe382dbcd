"""Bar charts as SVG, readable on light and on dark pages."""

from html import escape
from math import floor, log10

COLOURS = ("#0072b2", "#56b4e9", "#e69f00", "#d55e00", "#999999", "#009e73")
"""Colours of Okabe and Ito, distinguished by the colour-blind too."""

LEFT, WIDTH, RIGHT = 235, 470, 60
BAR, GAP, TOP = 13, 10, 62

STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#222}.small{font-size:11px}.title{font-size:14px;font-weight:600}"
    "line{stroke:#888;stroke-opacity:.4}.one{stroke:#888;stroke-opacity:1;stroke-dasharray:4 3}"
    "@media(prefers-color-scheme:dark){text{fill:#ddd}}"
)


def bars(title: str, groups: dict[str, dict[str, float]]) -> str:
    """Groups of bars along a logarithmic axis, from its lowest power of two; 1 is marked.

    Args:
        title: What the axis shows.
        groups: For each group its bars, by what they are of.
    """
    names = list(dict.fromkeys(name for group in groups.values() for name in group))
    values = [value for group in groups.values() for value in group.values()]
    low, high = min(values) / 1.3, max(values) * 1.3

    def x(value: float) -> float:
        return LEFT + WIDTH * (log10(value / low)) / log10(high / low)

    height = TOP + sum(len(group) * BAR + GAP for group in groups.values()) + 24
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + RIGHT} {height}" role="img">',
        f"<title>{escape(title)}</title><style>{STYLE}</style>",
        f'<text class="title" x="10" y="20">{escape(title)}</text>',
    ]
    at = 10.0
    for name, colour in zip(names, COLOURS, strict=False):
        lines.append(f'<rect x="{at}" y="34" width="11" height="11" fill="{colour}"/>')
        lines.append(f'<text class="small" x="{at + 16}" y="44">{escape(name)}</text>')
        at += 32 + 6.6 * len(name)
    for power in range(floor(log10(low)), 4):
        for digit in (1, 2, 5):
            tick = digit * 10.0**power
            if low <= tick <= high:
                mark = ' class="one"' if tick == 1 else ""
                lines.append(f'<line{mark} x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="{TOP - 6}" y2="{height - 20}"/>')
                lines.append(
                    f'<text class="small" text-anchor="middle" x="{x(tick):.1f}" y="{height - 6}">{tick:g}</text>'
                )
    y = float(TOP)
    for group, bars_of_group in groups.items():
        middle = y + len(bars_of_group) * BAR / 2 + 4
        lines.append(f'<text text-anchor="end" x="{LEFT - 10}" y="{middle:.1f}">{escape(group)}</text>')
        for name, value in bars_of_group.items():
            width, colour = x(value) - LEFT, COLOURS[names.index(name)]
            lines.append(
                f'<rect x="{LEFT}" y="{y:.1f}" width="{width:.1f}" height="{BAR - 2}" fill="{colour}">'
                f"<title>{escape(name)}: {value:.2f}</title></rect>"
            )
            lines.append(f'<text class="small" x="{LEFT + width + 4:.1f}" y="{y + BAR - 3:.1f}">{value:.2f}</text>')
            y += BAR
        y += GAP
    return "\n".join([*lines, "</svg>", ""])
