package Bench::Build;

# Compiles the C programs of the benchmark, as perl itself would be.

use strict;
use warnings;

use Config;
use File::Spec;

my %program = (
    sink   => [qw(bench/sink.c bench/sink_lmtp.c bench/sink_qmtp.c)],
    client => [qw(bench/client.c)],
    scan   => [qw(bench/scan.c c/dotstuff.c c/dotstuff_wide.c)],
);

# Returns a hash: program's name to its path below the given directory.
sub programs {
    my ($root, $dir) = @_;
    my %path;
    for my $name (sort keys %program) {
        $path{$name} = File::Spec->catfile($dir, $name);
        my @sources = map { File::Spec->catfile($root, split m{/}) } @{ $program{$name} };
        my @cc = split ' ', $Config{cc};
        system(@cc, '-O2', '-o', $path{$name}, @sources) == 0
            or die "@cc cannot compile bench/$name\n";
    }
    return \%path;
}

1;
