# Runs the C tests of the core, a subtest each. "make test" has built them; "make ctests" does it alone.
# MW_CTEST_RUNNER in the environment is a command to run them under, for example valgrind.

use strict;
use warnings;

use Config;
use Test::More;

my $LONGEST = 300;  # seconds for one of them

my @sources = sort glob 't/c/test_*.c';
ok(@sources > 0, 'there are C tests');

for my $source (@sources) {
    (my $program = $source) =~ s/\.c\z/$Config{_exe}/;
    (my $name = $program) =~ s{.*/}{};
    subtest $name => sub {
        ok(-x $program, "$program is built") or return diag('run "make ctests" first');
        my ($output, $status) = run($program);
        report($output, $status);
    };
}
done_testing;

# Standard output and wait status. The alarm lives on through exec: a test that hangs is killed.
sub run {
    my ($program) = @_;
    my @command = (split(' ', $ENV{MW_CTEST_RUNNER} || ''), $program);
    defined(my $pid = open my $out, '-|') or die "fork: $!";
    if (!$pid) {
        alarm $LONGEST * ($ENV{MW_CTEST_RUNNER} ? 4 : 1);
        exec { $command[0] } @command or print "Bail out! $command[0]: $!\n";
        exit 127;
    }
    my $output = do { local $/; <$out> };
    close $out;
    return ($output, $?);
}

sub report {
    my ($output, $status) = @_;
    my @points = $output =~ /^((?:not )?ok\b.*)$/mg;
    my @failed = grep {/\Anot ok/} @points;
    my ($plan) = $output =~ /^1\.\.(\d+)$/m;

    ok(@points > 0, 'it tests something');
    is_deeply(\@failed, [], scalar(@points) . ' test points pass') or diag($output =~ /^#.*\n/mg);
    is($plan, scalar @points, 'as many as planned');
    is($status, 0, 'exit status') or diag($output =~ /((?:.*\n){1,5})\z/);
}
