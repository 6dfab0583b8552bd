# SPDX-License-Identifier: MIT
"""picture - docs/benchmarks.svg: what a page costs in memory against what it
costs in time, one dot for each store, lower left is better."""
import html

WIDTH, HEIGHT = 760, 460
LEFT, RIGHT, TOP, BOTTOM = 70, 30, 56, 60
OURS = "#b3261e"
THEIRS = "#4a5568"


def steps(low, high, step):
    first = int(low / step + 0.999999)
    return [step * each for each in range(first, int(high / step) + 1)]


def text(x, y, words, anchor="middle", size=13, more=""):
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" '
            f'font-size="{size}"{more}>{html.escape(words)}</text>')


def place_labels(dots):
    """Places each label beside its dot or the end of its line: at the first
    place where it covers no dot, line or other label."""
    taken = [(low - 3, y - 3, high + 3, y + 3) for _, low, high, y, *_ in dots]
    taken += [(x - 7, y - 7, x + 7, y + 7) for x, _, _, y, *_ in dots]
    for x, low, high, y, name, is_ours in dots:
        wide = (8 if is_ours else 7.2) * len(name)
        for left, base in ((x - wide / 2, y - 12), (x - wide / 2, y + 22),
                           (max(high, x + 7) + 6, y + 4),
                           (min(low, x - 7) - 6 - wide, y + 4)):
            box = (left, base - 12, left + wide, base + 3)
            if box[0] > LEFT and box[2] < WIDTH and not any(
                    box[0] < other[2] and other[0] < box[2] and
                    box[1] < other[3] and other[1] < box[3]
                    for other in taken):
                break
        taken.append(box)
        yield text((box[0] + box[2]) / 2, base, name, more=(
            f' fill="{OURS}" font-weight="bold"' if is_ours else
            f' fill="{THEIRS}"'))


def draw(points, title, x_title, y_title):
    """points: (name, x, low x, high x, y, is ours)."""
    x_low = min(each[2] for each in points) - 1.2
    x_high = max(each[3] for each in points) + 1.5
    y_low, y_high = 1.0, max(each[4] for each in points) + 0.02

    def to_x(value):
        return LEFT + (value - x_low) / (x_high - x_low) * \
            (WIDTH - LEFT - RIGHT)

    def to_y(value):
        return HEIGHT - BOTTOM - (value - y_low) / (y_high - y_low) * \
            (HEIGHT - TOP - BOTTOM)

    lines = [
        "<!-- SPDX-License-Identifier: MIT -->",
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} '
        f'{HEIGHT}" font-family="sans-serif">',
        f"<title>{html.escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        text(WIDTH / 2, 26, title, size=16, more=' font-weight="bold"')]
    for value in steps(y_low, y_high, 0.02):
        lines += [f'<path d="M{LEFT} {to_y(value):.1f}H{WIDTH - RIGHT}" '
                  'stroke="#e2e8f0"/>',
                  text(LEFT - 8, to_y(value) + 4, f"{value:.2f}", "end", 12)]
    for value in steps(x_low, x_high, 1):
        lines += [f'<path d="M{to_x(value):.1f} {TOP}V{HEIGHT - BOTTOM}" '
                  'stroke="#f1f4f8"/>',
                  text(to_x(value), HEIGHT - BOTTOM + 18, f"{value:g}",
                       size=12)]
    lines += [
        f'<path d="M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}" '
        'fill="none" stroke="#2d3748"/>',
        text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 16, x_title),
        text(0, 0, y_title, more=' transform="translate(20 '
             f'{(TOP + HEIGHT - BOTTOM) / 2:.0f}) rotate(-90)"')]
    dots = []
    for name, x, low, high, y, is_ours in points:
        color = OURS if is_ours else THEIRS
        lines += [f'<path d="M{to_x(low):.1f} {to_y(y):.1f}H{to_x(high):.1f}" '
                  f'stroke="{color}" stroke-width="2" opacity="0.45"/>',
                  f'<circle cx="{to_x(x):.1f}" cy="{to_y(y):.1f}" r="6" '
                  f'fill="{color}"/>']
        dots.append((to_x(x), to_x(low), to_x(high), to_y(y), name, is_ours))
    return "\n".join(lines + list(place_labels(dots)) + ["</svg>", ""])
