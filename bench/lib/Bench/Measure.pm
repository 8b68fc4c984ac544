package Bench::Measure;

# Runs a row: its programs in turn, several times over, so that what else the machine does falls on all
# of them alike. What is kept of each is the median.

use strict;
use warnings;

use Bench::Child qw(run start_sink);

# Messages of the two runs whose instructions are compared: what they share is start and end.
use constant { CALLGRIND_FEW => 50, CALLGRIND_MANY => 250 };

# Arguments: row, sink (the program), runs, quick, callgrind (a file for valgrind's report, if wanted), progress (called with
# a program's name). Returns a list of hashes: program, rate, ratio, cpu (microseconds per unit), memory (MB), instructions; those
# that are not known are undef.
sub row {
    my (%arg) = @_;
    my $row = $arg{row};
    my @programs = grep { count($_, $arg{quick}) } @{ $row->{programs} };
    my %sink = sinks($row, $arg{sink}, @programs);
    my %samples;
    for my $turn (1 .. $arg{runs}) {
        for my $program (@programs) {
            next if $program->{once} && $turn > 1;
            $arg{progress}->("$program->{name}, run $turn");
            push @{ $samples{ $program->{name} } }, sample($row, $program, $sink{ sink_key($row, $program) }, $arg{quick});
        }
    }
    my @results = map { summary($_, @{ $samples{ $_->{name} } }) } @programs;
    ratios($row, @results);
    if ($arg{callgrind} && $row->{callgrind}) {
        for my $result (grep { !$_->{program}{timed} } @results) {
            $arg{progress}->("$result->{program}{name}, callgrind");
            $result->{instructions}
                = instructions($result->{program}, $sink{ sink_key($row, $result->{program}) }, $arg{callgrind});
        }
    }
    return @results;
}

sub count {
    my ($program, $quick) = @_;
    return $program->{count}[ $quick ? 1 : 0 ];
}

# One sink for each set of options; '' for none.
sub sink_key {
    my ($row, $program) = @_;
    return join ' ', @{ $program->{sink} || $row->{sink} || [] };
}

sub sinks {
    my ($row, $sink, @programs) = @_;
    return () if !$row->{sink};
    my %wanted = map { sink_key($row, $_) => 1 } @programs;
    return map { $_ => start_sink($sink, split ' ') } sort keys %wanted;
}

sub command {
    my ($program, $sink, $count) = @_;
    return map { my $word = $_; $word =~ s/PORT/$sink->port/e; $word =~ s/\ACOUNT\z/$count/; $word }
        @{ $program->{run} };
}

# One run: rate, cpu, memory.
sub sample {
    my ($row, $program, $sink, $quick) = @_;
    my $count = count($program, $quick);
    my ($text, $seconds, $cpu) = run(command($program, $sink, $count));
    my %got = $program->{timed} ? (count => $count, seconds => $seconds, cpu => $cpu) : $text =~ /(\w+)=([0-9.e+-]+)/g;
    die "no figures from $program->{name}\n" if !$got{count} || !defined $got{seconds};
    my $factor = $program->{factor} || $row->{factor} || 1;
    return {
        rate   => $row->{trip} ? $got{seconds} / $got{count} / $row->{trip}
                               : $got{count} * $factor / ($got{seconds} || 1e-6),
        cpu    => $row->{each} ? $got{cpu} / $got{count} * 1e6 : undef,
        memory => $got{peak_kb} ? ($got{peak_kb} - $got{before_kb}) / 1024 : undef,
    };
}

sub median {
    my @sorted = sort { $a <=> $b } grep {defined} @_;
    return @sorted % 2 ? $sorted[ $#sorted / 2 ] : ($sorted[ @sorted / 2 - 1 ] + $sorted[ @sorted / 2 ]) / 2 if @sorted;
    return undef;    ## no critic (ProhibitExplicitReturnUndef)
}

sub summary {
    my ($program, @samples) = @_;
    my %of = map { my $what = $_; $what => median(map { $_->{$what} } @samples) } qw(rate cpu memory);
    return { program => $program, %of };
}

# Above 1 is better than the baseline: of round trips, fewer are.
sub ratios {
    my ($row, @results) = @_;
    my ($base) = map { $_->{rate} } grep { $_->{program}{name} eq $row->{baseline} } @results;
    return if !$base;
    $_->{ratio} = $row->{trip} ? $base / $_->{rate} : $_->{rate} / $base for @results;
    return;
}

# Instructions per unit outside the kernel: the difference between a long and a short run.
sub instructions {
    my ($program, $sink, $report) = @_;
    my ($few, $many) = map { collected($program, $sink, $_, $report) } CALLGRIND_FEW, CALLGRIND_MANY;
    return ($many - $few) / (CALLGRIND_MANY - CALLGRIND_FEW);
}

sub collected {
    my ($program, $sink, $count, $report) = @_;
    run('valgrind', '--tool=callgrind', '--callgrind-out-file=/dev/null', "--log-file=$report",
        command($program, $sink, $count));
    open my $log, '<', $report or die "$report: $!\n";
    my ($instructions) = map { /Collected : (\d+)/ ? $1 : () } <$log>;
    return defined $instructions ? $instructions : die "valgrind counted nothing, see $report\n";
}

1;
