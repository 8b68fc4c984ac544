# Runs each fuzz target for FUZZ_SECONDS seconds (default 60) under AddressSanitizer and UndefinedBehaviorSanitizer, two at a time.

use strict;
use warnings;

use lib 'xt/lib';
use File::Temp ();
use RealServer;
use Test::More;

use constant AT_ONCE => 2;

RealServer->need('clang');

my $seconds = $ENV{FUZZ_SECONDS} || 60;
my $build   = File::Temp::tempdir('mail-wire-fuzz-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my @targets = map {m{fuzz_(\w+)\.c\z}} sort glob 'fuzz/fuzz_*.c';
ok(@targets > 0, 'there are targets');

my @running;
for my $target (@targets) {
    judge(shift @running) if @running == AT_ONCE;
    push @running, start($target);
}
judge($_) for @running;
done_testing;

sub start {
    my ($target) = @_;
    open my $pipe, '-|', "$^X fuzz/run.pl --seconds=$seconds --build=$build --found=$build $target 2>&1" or die "fork: $!\n";
    return { target => $target, pipe => $pipe };
}

sub judge {
    my ($run) = @_;
    my ($target, $pipe) = @{$run}{qw(target pipe)};
    my $output = do { local $/; <$pipe> };
    close $pipe;
    is($?, 0, "$target: nothing was found") or show($output, glob "$build/found-$target-*");
    like($output, qr/^\Q$target\E +[1-9][0-9]* runs/m, "$target has run");
    note($output);
    return;
}

# The input goes with the report, in a form that survives a log.
sub show {
    my ($output, @inputs) = @_;
    diag($output);
    for my $input (@inputs) {
        open my $fh, '<:raw', $input or next;
        my $bytes = do { local $/; <$fh> };
        (my $name = $input) =~ s{.*/}{};
        diag("$name: ", join '', map { sprintf '%02x', ord } split //, $bytes);
    }
    return;
}
