"""Test that a campaign of trials can be stopped and resumed."""

from pathlib import Path

from robustness.campaign import Part, State, Surprise, tried


def case(number: int, folder: Path) -> str:
    """A case of a part; every third is a surprise."""
    if number % 3 == 0:
        raise Surprise(f"case {number}")
    return "alike"


def test_a_campaign_goes_on_from_its_state_file(tmp_path: Path) -> None:
    """Cases that were tried are not tried again, and the counts of both sittings are one."""
    part = Part("cases", case, quick=4, normal=7, long=7)
    for cases in (part.quick, part.normal):
        state = State(tmp_path / "state.json")
        tried(part, state.tally("cases"), cases, state.save)
    tally = State(tmp_path / "state.json").tally("cases")
    assert (tally.done, tally.surprises) == (7, 3)
    assert tally.outcomes == {"alike": 4, "surprise": 3}
    assert [number for number, _ in tally.details] == [0, 3, 6]
