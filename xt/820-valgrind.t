# valgrind over the C tests: no bad access, no leak.

use strict;
use warnings;

use lib 'xt/lib';
use BuildCopy;
use RealServer;
use Test::More;

RealServer->need(qw(valgrind make prove));

my $copy = BuildCopy->new;
$copy->run('configured', "$^X Makefile.PL OPTIMIZE='-O1 -g'");
$copy->run('built', 'make -j2 ctests');
$copy->environment(MW_EXHAUST => 'few', MW_CTEST_RUNNER => join ' ', qw(valgrind -q --error-exitcode=99 --leak-check=full),
    '--errors-for-leak-kinds=definite,indirect,possible');
BuildCopy->note_summary($copy->run('C tests', 'prove -v t/100-core.t'));
done_testing;
