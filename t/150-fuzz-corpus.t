# Replays what fuzzing has found worth keeping through the fuzz targets, built by the user's own compiler without any
# fuzzer. "make test" has built them; "make ctests" does it alone. fuzz/README.md tells what they check.

use strict;
use warnings;

use Config;
use Test::More;

my $LONGEST = 300;  # seconds for one of them

my @sources = sort glob 'fuzz/fuzz_*.c';
ok(@sources > 0, 'there are targets');

for my $source (@sources) {
    (my $program = $source) =~ s/\.c\z/$Config{_exe}/;
    my ($target) = $source =~ m{fuzz_(\w+)\.c\z};
    my @inputs = (glob("fuzz/seeds/$target/*"), grep {-f} "fuzz/corpus/$target.corpus");
    subtest $target => sub {
        ok(-x $program, "$program is built") or return diag('run "make ctests" first');
        ok(@inputs > 0, 'there are inputs');
        my ($output, $status) = run($program, @inputs);
        is($status, 0, 'exit status') or diag($output =~ /((?:.*\n){1,5})\z/);
        is(() = $output =~ /^ok\b/mg, scalar @inputs, 'all files were replayed');
    };
}
done_testing;

# Standard output and wait status. The alarm lives on through exec: a target that hangs is killed.
sub run {
    my ($program, @inputs) = @_;
    defined(my $pid = open my $out, '-|') or die "fork: $!";
    if (!$pid) {
        alarm $LONGEST;
        exec { $program } $program, @inputs or print "Bail out! $program: $!\n";
        exit 127;
    }
    my $output = do { local $/; <$out> };
    close $out;
    return ($output, $?);
}
