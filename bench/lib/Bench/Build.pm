package Bench::Build;

# Compiles the C programs of the benchmark, as perl itself would be.

use strict;
use warnings;

use Config;
use File::Spec;

my %program = (
    sink   => [qw(bench/sink.c bench/sink_lmtp.c bench/sink_qmtp.c)],
    client => [qw(bench/client.c)],
    scan   => [qw(bench/scan.c c/dotstuff.c c/wide.c)],
);

# What the sink is built with where OpenSSL is there.
my @tls = qw(-DSINK_TLS bench/sink_tls.c -lssl -lcrypto);

# Returns a hash: program's name to its path below the given directory; tls is true when the sink can do it.
sub programs {
    my ($root, $dir) = @_;
    my %path = map { $_ => File::Spec->catfile($dir, $_) } sort keys %program;
    $path{tls} = quietly(sub { compile($root, $path{sink}, @{ $program{sink} }, @tls) });
    for my $name (grep { !$path{tls} || $_ ne 'sink' } sort keys %program) {
        compile($root, $path{$name}, @{ $program{$name} }) or die "cannot compile bench/$name\n";
    }
    return \%path;
}

sub compile {
    my ($root, $path, @words) = @_;
    return system(split(' ', $Config{cc}), '-O2', '-o', $path, map { /\.c\z/ ? File::Spec->catfile($root, split m{/}) : $_ } @words) == 0;
}

# Without what it has to say on standard error.
sub quietly {
    my ($code) = @_;
    open my $stderr, '>&', \*STDERR or die "dup: $!\n";
    open STDERR, '>', File::Spec->devnull or die File::Spec->devnull . ": $!\n";
    my $value = $code->();
    open STDERR, '>&', $stderr or die "dup: $!\n";
    return $value;
}

1;
