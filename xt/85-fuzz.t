# Runs each fuzz target for FUZZ_SECONDS seconds (default 10) under AddressSanitizer and UndefinedBehaviorSanitizer.

use strict;
use warnings;

use lib 'xt/lib';
use File::Temp ();
use RealServer;
use Test::More;

RealServer->need('clang');

my $seconds = $ENV{FUZZ_SECONDS} || 10;
my $build   = File::Temp::tempdir('mail-wire-fuzz-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my @targets = map {m{fuzz_(\w+)\.c\z}} sort glob 'fuzz/fuzz_*.c';
ok(@targets > 0, 'there are targets');

for my $target (@targets) {
    my $output = `$^X fuzz/run.pl --seconds=$seconds --build=$build --found=$build $target 2>&1`;
    is($?, 0, "$target: nothing was found") or show($output, glob "$build/found-$target-*");
    like($output, qr/^\Q$target\E +[1-9][0-9]* runs/m, "$target has run");
    note($output);
}
done_testing;

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
