"""`python scripts/draw_layouts.py`: draw the pictures of docs/mixing.md, from the templates."""

from __future__ import annotations

from pathlib import Path

from actors.streams.layouts import fluid, lecture
from actors.words.views import Template

FOLDER = Path(__file__).parents[1] / "docs" / "layouts"
WIDTH, HEIGHT, GAP = 320, 180, 2
PRIMARY, OTHER = "#3b6ea5", "#9db8d2"
LAYOUTS = {
    "fluid-4": fluid(4)[1],
    "fluid-9": fluid(9)[2],
    "lecture-6": lecture(6)[1],
    "lecture-21": lecture(25)[-2],
}


def drawn(template: Template) -> str:
    """Return a template as SVG: the first region in another colour, all with their ids."""
    shapes = []
    for number, region in enumerate(template):
        area = region.area
        left, top = float(area.left) * WIDTH, float(area.top) * HEIGHT
        width, height = float(area.width) * WIDTH, float(area.height) * HEIGHT
        shapes.append(
            f'<rect x="{left + GAP / 2:.1f}" y="{top + GAP / 2:.1f}" width="{width - GAP:.1f}" '
            f'height="{height - GAP:.1f}" fill="{OTHER if number else PRIMARY}"/>'
            f'<text x="{left + width / 2:.1f}" y="{top + height / 2 + 5:.1f}">{region.id}</text>'
        )
    style = 'font-family="sans-serif" font-size="14" text-anchor="middle"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}"'
    back = f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#222"/>'
    return "\n".join([f"{head} {style}>", back, *shapes, "</svg>", ""])


def main() -> None:
    """Write them to docs/layouts."""
    for name, template in LAYOUTS.items():
        (FOLDER / f"{name}.svg").write_text(drawn(template), encoding="utf-8")


if __name__ == "__main__":
    main()
