# The C tests under compilers, levels of optimisation and C libraries that users have, and with the system calls of other
# systems; the Perl tests where the linker optimises and the C library checks, and under a perl that checks itself.

use strict;
use warnings;

use lib 'xt/lib';
use BuildCopy;
use RealServer;
use Test::More;

RealServer->need(qw(clang debugperl gcc make musl-gcc prove));

my $ALL      = '-Wall -Wextra -D_GNU_SOURCE';
my $HARDENED = '-O3 -flto -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -D_GLIBCXX_ASSERTIONS -fstack-protector-strong';
my @variants = (
    (map {"gcc $_"} qw(-O0 -O1 -O2 -O3), $HARDENED, '-O2 -funsigned-char', '-O2 -std=c99 -pedantic'),
    (map {"clang $_"} qw(-O0 -O1 -O2 -O3)),
    'musl-gcc -O2',
    'gcc -O2 -DMW_IO_POSIX_ONLY',
);

my $copy = BuildCopy->new;
for my $variant (@variants) {
    my $cc = "$variant $ALL";
    $copy->run("$variant: built", 'rm -f c/*.o && ls c/*.c | xargs -P 2 -I@ ' . "$cc -Werror -c -o @.o @"
        . q( && ls t/c/test_*.c | sed 's/[.]c$//' | xargs -P 2 -I@ ) . "sh -c '$cc -o @ @.c c/*.o'");
    BuildCopy->note_summary($copy->run("$variant: C tests", 'prove t/10-core.t'));
}

perl_tests('the hardened one', $^X, "CC=gcc OPTIMIZE='$HARDENED'");
perl_tests('debugperl', RealServer->program('debugperl'), 'DEFINE=-DDEBUGGING');
perl_tests('calls of POSIX', $^X, 'DEFINE=-DMW_IO_POSIX_ONLY');
done_testing;

sub perl_tests {
    my ($name, $perl, $arguments) = @_;
    my $build = BuildCopy->new;
    $build->run("$name: built", "$perl Makefile.PL $arguments && make -j2 && make -j2 ctests");
    BuildCopy->note_summary($build->run("$name: Perl tests", 'HARNESS_OPTIONS=j2 make test'));
    return;
}
