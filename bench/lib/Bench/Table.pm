package Bench::Table;

# The figures as Markdown.

use strict;
use warnings;

# A number as people read it: two or three digits that count, thousands apart.
sub number {
    my ($n) = @_;
    return '-' if !defined $n;
    my $size = abs $n;
    my $text = sprintf $size >= 100 ? '%.0f' : $size >= 10 ? '%.1f' : $size >= 0.1 ? '%.2f' : '%.2g', $n;
    1 while $text =~ s/\A(-?\d+)(\d{3})/$1,$2/;
    return $text;
}

# Arguments: row, then its results. Returns lines.
sub row {
    my ($row, @results) = @_;
    my $counted = grep { defined $_->{instructions} } @results;
    my @head = ('', $row->{unit}, 'ratio', $row->{each} ? "CPU \xb5s per $row->{each}" : (), 'MB over start',
        $counted ? "instructions per $row->{each}" : ());
    my @lines = map { line(
        name($_), number($_->{rate}), number($_->{ratio}), $row->{each} ? number($_->{cpu}) : (),
        defined $_->{memory} ? sprintf('%.1f', $_->{memory}) : '-', $counted ? number($_->{instructions}) : (),
    ) } @results;
    return ("## $row->{title}", '', line(@head), line('---', ('---:') x $#head), @lines, '',
        "Ratio: to \"$row->{baseline}\"." . goal($row, @results), '');
}

sub line { return '| ' . join(' | ', @_) . ' |' }

sub name {
    my ($result) = @_;
    my $program = $result->{program};
    my $name = $program->{kind} eq 'ours' ? "**$program->{name}**" : $program->{name};
    return $program->{once} ? "$name (one run)" : $name;
}

sub goal {
    my ($row, @results) = @_;
    my ($who, $ratio, $words) = @{ $row->{goal} || return '' };
    return " To reach: $words, by $who." if !defined $ratio;
    my ($got) = map { $_->{ratio} } grep { $_->{program}{name} eq $who } @results;
    return " To reach: $ratio $words, by $who." . ($got ? ' Reached: ' . number($got) . '.' : '');
}

# The whole report. Arguments: machine (pairs), date (or undef), runs, missing (a list), chart (true: name
# it), rows ([row, results...], ...).
sub report {
    my (%arg) = @_;
    my @facts = @{ $arg{machine} };
    push @facts, Date => $arg{date} if defined $arg{date};
    my @lines = ('# Results', '', 'Written by `bench/run.pl`; how to read it is in `README.md`.'
        . " Medians of $arg{runs} runs, programs in turn, over loopback to the same sink.", '');
    while (my ($name, $value) = splice @facts, 0, 2) { push @lines, "- $name: $value" }
    push @lines, '- Not on this machine, so left out: ' . join ', ', @{ $arg{missing} } if @{ $arg{missing} };
    push @lines, '', '![Ratios](results.svg)' if $arg{chart};
    push @lines, '', map { row(@$_) } @{ $arg{rows} };
    return join "\n", @lines;
}

1;
