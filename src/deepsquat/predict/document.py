"""How the pages look: one column on a phone, two on a desk; no script, and nothing from elsewhere."""

from collections.abc import Iterable
from html import escape
from pathlib import Path

from deepsquat.files import written_whole

_STYLE = """
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 75rem; padding: 1rem; color: #1d1d20;
  overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; margin: .2rem 0; } h2 { font-size: 1.2rem; margin: 1.6rem 0 .4rem; }
h3 { font-size: 1.05rem; margin: 0 0 .2rem; } p, ul { margin: .3rem 0; } ul { padding-left: 1.2rem; }
img, video { max-width: 100%; height: auto; border-radius: .3rem; display: block; }
.first { background: #fff6df; border: 1px solid #e5c66b; border-radius: .4rem; padding: .6rem 1rem;
  margin: 1rem 0; }
.first h2 { margin: 0; } .large { font-size: 1.2rem; font-weight: 600; }
.film { margin-bottom: 1rem; } .film video { width: 100%; max-height: 85vh; background: #000; }
article { display: flex; flex-wrap: wrap; gap: 1rem; border-left: .5rem solid; border-radius: .3rem;
  padding: .8rem; margin: 0 0 1rem; background: #f5f5f6; }
article > img { width: 12rem; object-fit: contain; align-self: flex-start; }
article > div { flex: 1 1 15rem; min-width: 0; }
.good { border-color: #1c6e34; } .bad { border-color: #aa2820; } .cannot_tell { border-color: #505050; }
.side { display: grid; grid-template-columns: repeat(auto-fit, minmax(5.5rem, 20rem)); gap: 1rem; }
.wide { overflow-x: auto; background: linear-gradient(to left, #fff 2rem, #fff0) right / 4rem local,
  linear-gradient(to left, #0003, #0000) right / .8rem; background-repeat: no-repeat; }
article .wide { background: none; }
.checks { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .3rem .9rem; }
.ok { color: #1c6e34; } .near { color: #7a5a00; } .no { color: #aa2820; font-weight: 600; }
table { border-collapse: collapse; font-size: .9rem; }
td, th { text-align: left; padding: .2rem .6rem .2rem 0; border-bottom: 1px solid #ddd; vertical-align: top;
  overflow-wrap: normal; }
summary { cursor: pointer; color: #1f5f9f; } .small, footer { color: #55555c; font-size: .9rem; }
.bars { width: 100%; max-width: 40rem; } .bars td:last-child { width: 45%; }
.bars i { display: block; height: .8rem; margin-top: .3rem; min-width: 1px; }
.more { background: #1c6e34; } .less { background: #aa2820; }
figure { margin: .8rem 0 2rem; } figcaption { font-size: .9rem; } figcaption b { margin-left: .6rem; }
.plot { position: relative; margin: .9rem .4rem 1.2rem 2.6rem; height: 11rem; font-size: .75rem;
  color: #55555c; }
.plot svg { width: 100%; height: 100%; display: block; border: 1px solid #aaa; border-width: 0 0 1px 1px; }
.plot span { position: absolute; line-height: 1; white-space: nowrap; }
.plot .y { right: 100%; transform: translateY(-50%); padding-right: .3rem; }
.plot .x { top: 100%; transform: translateX(-50%); padding-top: .3rem; }
.plot .n { bottom: 100%; transform: translateX(-50%); padding-bottom: .15rem; font-weight: 700; }
.line { fill: none; stroke-width: 2; vector-effect: non-scaling-stroke; }
.mark { stroke-dasharray: 4; vector-effect: non-scaling-stroke; }
.grid { stroke: #ccc; stroke-width: 1; vector-effect: non-scaling-stroke; }
@media (min-width: 56rem) {
  .beside { display: grid; grid-template-columns: minmax(18rem, 24rem) 1fr; gap: 1.5rem; align-items: start; }
  .beside > div:only-child { grid-column: 1 / 3; }
  .film { position: sticky; top: 1rem; }
}
"""


def write(path: Path, title: str, parts: Iterable[str]) -> None:
    """Writes a page. parts: HTML, which may be empty."""
    body = "\n".join(part for part in parts if part)
    text = (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style><body>{body}</body></html>\n"
    )
    with written_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")
