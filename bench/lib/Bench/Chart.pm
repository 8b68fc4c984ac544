package Bench::Chart;

# The ratios as bars, in SVG. One panel for each row; its longest bar is as wide as the panel. No background: it
# is read on light and on dark pages, so colours are of the middle, and text follows the page's scheme.

use strict;
use warnings;

use constant { WIDTH => 760, NAMES => 250, BARS => 420, BAR => 16, STEP => 22, HEAD => 30, GAP => 18, MARGIN => 10 };

my $style = <<'CSS';
<style>
text { font: 13px system-ui, sans-serif; fill: #24292f; }
.head { font-weight: 600; }
.ours { fill: #2f81d6; }
.peer { fill: #9a8f7d; }
.limit { fill: #6f9a6a; }
.goal { stroke: #d1623a; stroke-width: 2; stroke-dasharray: 4 3; }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3; } }
</style>
CSS

sub escape {
    my ($text) = @_;
    my %entity = ('&' => '&amp;', '<' => '&lt;', '>' => '&gt;', '"' => '&quot;');
    $text =~ s/([&<>"])/$entity{$1}/g;
    return $text;
}

sub text {
    my ($x, $y, $class, $anchor, $words) = @_;
    return sprintf qq{<text x="%d" y="%d" class="%s" text-anchor="%s">%s</text>\n}, $x, $y, $class, $anchor, escape($words);
}

sub ratio {
    my ($ratio) = @_;
    return sprintf $ratio >= 10 ? '%.0f' : $ratio >= 0.1 ? '%.2f' : '%.2g', $ratio;
}

# The bar of one program.
sub bar {
    my ($y, $scale, $result) = @_;
    my $width = $result->{ratio} * $scale;
    $width = 1 if $width < 1;
    return text(NAMES - 8, $y + 13, 'name', 'end', $result->{program}{name})
        . sprintf(qq{<rect x="%d" y="%d" width="%.1f" height="%d" rx="2" class="%s"/>\n}, NAMES, $y, $width, BAR,
            $result->{program}{kind})
        . text(NAMES + $width + 6, $y + 13, 'value', 'start', ratio($result->{ratio}));
}

# One row, from $y down. Returns its text and where it ends.
sub panel {
    my ($y, $row, @results) = @_;
    my $goal = $row->{goal} && $row->{goal}[1];
    my ($most) = sort { $b <=> $a } $goal || 0, map { $_->{ratio} } @results;
    my $scale = BARS / $most;
    my $svg = text(MARGIN, $y + 18, 'head', 'start', "$row->{title} (1 = $row->{baseline})");
    $y += HEAD;
    my $top = $y;
    for my $result (@results) {
        $svg .= bar($y, $scale, $result);
        $y += STEP;
    }
    $svg .= sprintf qq{<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" class="goal"/>\n}, NAMES + $goal * $scale, $top - 3,
        NAMES + $goal * $scale, $y - 3
        if $goal;
    return ($svg, $y + GAP);
}

# Arguments: [row, results...], ... Returns the file's text. Rows in which nothing of ours is have no panel.
sub svg {
    my (@rows) = @_;
    my ($body, $y) = ('', MARGIN);
    for (@rows) {
        my ($row, @results) = @$_;
        @results = grep { $_->{ratio} } @results;
        next if !grep { $_->{program}{kind} eq 'ours' } @results;
        (my $panel, $y) = panel($y, $row, @results);
        $body .= $panel;
    }
    $body .= text(MARGIN, $y + 4, 'name', 'start', 'Blue: this distribution. Dashed: what is to be reached. Longer is faster.');
    $y += MARGIN + 8;
    return sprintf(qq{<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img">\n},
        WIDTH, $y, WIDTH, $y) . "<title>Benchmark ratios</title>\n$style$body</svg>\n";
}

1;
