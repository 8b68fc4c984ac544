# AddressSanitizer and UndefinedBehaviorSanitizer over the C tests and over the Perl tests.

use strict;
use warnings;

use lib 'xt/lib';
use BuildCopy;
use RealServer;
use Test::More;

RealServer->need(qw(gcc make prove));

chomp(my $asan = `gcc -print-file-name=libasan.so`);
my $copy = BuildCopy->new;
$copy->run('configured', "$^X Makefile.PL CC=gcc OPTIMIZE=-O1 SANITIZE=1");
$copy->run('built', 'make -j2 && make -j2 ctests');

$copy->environment(UBSAN_OPTIONS => 'print_stacktrace=1');
BuildCopy->note_summary($copy->run('C tests', 'prove -v t/100-core.t'));

# perl itself is not built for it: the library comes in front, and perl's own leaks are not looked for.
# Authen::SCRAM's modules do not survive perl's tidying up at the end.
my $scram = 't/29[67]-*.t';
$copy->environment(LD_PRELOAD => $asan, ASAN_OPTIONS => 'detect_leaks=0');
BuildCopy->note_summary($copy->run('Perl tests with Authen::SCRAM', "prove -b $scram"));
$copy->environment(PERL_DESTRUCT_LEVEL => 2);
BuildCopy->note_summary($copy->run('Perl tests', "HARNESS_OPTIONS=j2 prove -b \$(ls t/*.t | grep -vxF \"\$(ls $scram)\")"));
done_testing;
