"""Pictures of a training and of what it learned; each function returns a Matplotlib `Figure`, drawn without a screen.

figure = xpnet.plots.learning_curves(xpnet.epochs(...))
figure.savefig("curves.pdf")

A notebook shows a figure that is the last line of a cell.
"""

from xpnet._support.optional import needed

with needed("xpnet.plots", "matplotlib"):
    from xpnet.plots.answers import confusion_matrix, label_cases, predictions, worst_mistakes
    from xpnet.plots.layers import activation_histograms, gradient_norm_histograms, weight_histograms, weight_images
    from xpnet.plots.overview import learning_curves, network_diagram
    from xpnet.plots.samples import gradient_norm_curves, gradient_norms, telling_samples
    from xpnet.plots.style import WIDTH, png, svg

__all__ = [
    "WIDTH",
    "activation_histograms",
    "confusion_matrix",
    "gradient_norm_curves",
    "gradient_norm_histograms",
    "gradient_norms",
    "label_cases",
    "learning_curves",
    "network_diagram",
    "png",
    "predictions",
    "svg",
    "telling_samples",
    "weight_histograms",
    "weight_images",
    "worst_mistakes",
]
