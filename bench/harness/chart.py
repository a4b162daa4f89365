"""Draws the rates as an SVG: a bar for the median, a line from the slowest run to the fastest."""

from html import escape

_WIDTH, _LABEL, _BAR, _GAP = 760, 170, 18, 8
_SCALE = _WIDTH - _LABEL - 130  # the width of the longest bar, without its label and value
_COLOURS = {"sluice": "#1b7f5c", "limit": "#9aa3ad", "other": "#d98a3d"}


def _text(x, y, words, **more):
    attributes = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in more.items())
    return f'<text x="{x:.1f}" y="{y:.1f}"{attributes}>{escape(words)}</text>'


def _panel(outcome, top):
    """Draws a scenario at `top`. Returns its elements and the top of the next one."""
    title = ", ".join(part for part in (outcome.name, outcome.about, outcome.network) if part)
    parts = [_text(0, top + 16, title, font_weight="bold")]
    y = top + 28
    for reason in (outcome.reason, outcome.error):
        if reason is not None:
            parts.append(_text(10, y + 14, f"not measured: {reason}", fill="#a33"))
            y += _BAR + _GAP
    spreads = [(entry, entry.spread(outcome.figure)) for entry in outcome.entries]
    longest = max((spread.highest for _, spread in spreads if spread), default=1.0)
    for entry, spread in spreads:
        parts.append(_text(_LABEL - 8, y + 14, entry.name, text_anchor="end"))
        if spread is None:
            parts.append(
                _text(
                    _LABEL,
                    y + 14,
                    f"not measured: {entry.reason or 'its scenario failed'}",
                    fill="#a33",
                )
            )
        else:
            kind = (
                "sluice"
                if entry.name.startswith("sluice")
                else "limit"
                if entry.contestant.limit
                else "other"
            )
            middle, low, high = (
                _SCALE * value / longest for value in (spread.median, spread.lowest, spread.highest)
            )
            parts.append(
                f'<rect x="{_LABEL}" y="{y}" width="{middle:.1f}" height="{_BAR}" '
                f'fill="{_COLOURS[kind]}"/>'
            )
            line = y + _BAR / 2
            parts.append(
                f'<path d="M{_LABEL + low:.1f} {line}H{_LABEL + high:.1f}" '
                'stroke="#222" stroke-width="1.5"/>'
            )
            parts.append(
                _text(_LABEL + max(middle, high) + 8, y + 14, outcome.shown(spread.median))
            )
        y += _BAR + _GAP
    return parts, y + 14


def chart(outcomes, below):
    """Returns the text of the SVG file. `below`: a line that describes the machine."""
    parts, top = [], 0
    for outcome in outcomes:
        panel, top = _panel(outcome, top)
        parts += panel
    parts.append(_text(0, top + 14, below, fill="#555"))
    height = top + 24
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-12 -8 {_WIDTH + 24} {height + 16}" '
            f'width="{_WIDTH + 24}" height="{height + 16}" '
            'font-family="sans-serif" font-size="13">',
            f'<rect x="-12" y="-8" width="{_WIDTH + 24}" height="{height + 16}" fill="#fff"/>',
            *parts,
            "</svg>",
            "",
        ]
    )
