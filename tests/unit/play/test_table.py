"""What the live table shows on terminals of any width, and the lines it is elsewhere."""

import pytest
from rich.console import Console

from play.table import LEAST_ROWS, ROWS_ON_SCREEN, Board, Cell, PlainDisplay, Row

CELLS = (
    Cell("InferenceDeployment/inference/chat", "28/28", "DemandMet", 28, 28, "46.2", "28 replicas serve the demand"),
    Cell("InferenceDeployment/inference/summaries", "9/24", "WaitingForWatts", 9, 24, "14.9", "waits for watts"),
    Cell("MiningPool/mining/s19j", "0/50", "PriceAboveStrike", 0, 0, "0.0", "the price is not below 48.32/MWh"),
    Cell("MiningPool/mining/s21", "40/40", "AtMaximum", 40, 40, "140.0", "all 40 replicas pay"),
    Cell("MiningPool/mining/s23", "12/12", "SwitchCost", 12, 12, "120.0", "a stop and a start cost 20.00/MW " * 9),
)


def row(step: int, cells: tuple[Cell, ...] = CELLS) -> Row:
    clock = f"{step // 12:02}:{step % 12 * 5:02}"
    return Row(step, clock, 0.0, 0.0, f"{step * 700 - 1000:.2f}", 392_000, 313_530 + step, cells)


DAY = tuple(row(step) for step in range(ROWS_ON_SCREEN))


def shown(width: int, height: int, rows: tuple[Row, ...] = DAY) -> list[str]:
    console = Console(width=width, height=height, force_terminal=True, color_system=None, highlight=False)
    with console.capture() as captured:
        console.print(Board("USD", rows))
    return captured.get().splitlines()


@pytest.mark.parametrize(("width", "height"), [(60, 24), (80, 24), (100, 30), (120, 40), (140, 50), (220, 60)])
class TestEveryTerminal:
    def test_time_price_limit_and_committed_are_whole_in_every_row(self, width: int, height: int) -> None:
        lines = shown(width, height)
        for each in DAY[-5:]:
            numbers = [each.clock, each.price, "392.0", f"{(each.committed_watts or 0) / 1000:.1f}"]
            assert sum(line.split()[:4] == numbers for line in lines) == 1

    def test_it_fits(self, width: int, height: int) -> None:
        lines = shown(width, height)
        assert max(map(len, lines)) <= width
        assert len(lines) < height

    def test_every_workload_has_its_pods_and_its_whole_reason(self, width: int, height: int) -> None:
        lines = shown(width, height)
        for cell in CELLS:
            assert any(line.split()[:4] == [cell.name, cell.pods, cell.kilowatts, cell.reason] for line in lines)

    def test_columns_keep_their_place_when_the_words_change(self, width: int, height: int) -> None:
        others = tuple(Cell(cell.key, "–", "–", None, None) for cell in CELLS)
        heading = shown(width, height)[1]
        assert shown(width, height, (row(0, others),))[1] == heading
        assert heading.split()[:4] == ["Time", "USD/MWh", "kW", "kW"]


@pytest.mark.parametrize("width", [80, 100, 140])
def test_all_five_workloads_have_a_column_from_eighty_characters_on(width: int) -> None:
    lines = shown(width, 30)
    assert [name for name in lines[1].split() if name in {cell.name for cell in CELLS}] == [c.name for c in CELLS]
    last = next(line for line in lines if line.startswith(DAY[-1].clock))
    assert [word for word in last.split() if "/" in word] == [cell.pods for cell in CELLS]


def test_reasons_stand_beside_the_pods_where_there_is_room() -> None:
    assert "12/12 SwitchCost" in shown(140, 40)[3]
    assert "SwitchCost" not in shown(80, 40)[3]


def test_a_low_terminal_keeps_the_newest_rows() -> None:
    lines = shown(80, 10)
    assert [line[:5] for line in lines[3 : 3 + LEAST_ROWS]] == [each.clock for each in DAY[-LEAST_ROWS:]]


def test_more_workloads_than_fit_are_all_told_below() -> None:
    many = tuple(Cell(f"MiningPool/mining/row-{i:02}", "4/40", "PowerLimit", 4, 40, "14.0") for i in range(20))
    lines = shown(80, 60, (row(0, many),))
    assert max(map(len, lines)) <= 80
    assert all(any(line.split()[:4] == [cell.name, "4/40", "14.0", "PowerLimit"] for line in lines) for cell in many)


def test_elsewhere_it_is_a_line_each_half_hour(capsys: pytest.CaptureFixture[str]) -> None:
    plain = PlainDisplay()
    for step in range(13):
        plain.row(row(step, CELLS[:2]))
    lines = capsys.readouterr().out.splitlines()
    assert [line[:5] for line in lines] == ["00:00", "00:30", "01:00"]
    workloads = "chat 28/28 DemandMet  summaries 9/24 WaitingForWatts"
    assert lines[0] == f"00:00  price -1000.00  limit 392.0 kW  committed 313.5 kW  {workloads}"
