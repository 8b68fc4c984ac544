# The C tests under compilers, levels of optimisation and C libraries that users have, and with the system calls of other
# systems; the Perl tests where the linker optimises and the C library checks, and under a perl that checks itself; and those of them
# that it can touch in places and for users that are not as ours.

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
    'gcc -O2 -DMW_IO_SEND_BLOCKS',
);

my $copy = BuildCopy->new;
for my $variant (@variants) {
    my $cc = "$variant $ALL";
    $copy->run("$variant: built", 'rm -f c/*.o && ls c/*.c | xargs -P 2 -I@ ' . "$cc -Werror -c -o @.o @"
        . q( && ls t/c/test_*.c | sed 's/[.]c$//' | xargs -P 2 -I@ ) . "sh -c '$cc -o @ @.c c/*.o'");
    BuildCopy->note_summary($copy->run("$variant: C tests", 'prove t/100-core.t'));
}

perl_tests('the hardened one', $^X, "CC=gcc OPTIMIZE='$HARDENED'");
perl_tests('debugperl', RealServer->program('debugperl'), 'DEFINE=-DDEBUGGING');
perl_tests('calls of POSIX', $^X, 'DEFINE=-DMW_IO_POSIX_ONLY');
places_and_users();
done_testing;

sub perl_tests {
    my ($name, $perl, $arguments) = @_;
    my $build = BuildCopy->new;
    $build->environment(MW_IO_POSIX_ONLY => 1) if $arguments =~ /POSIX_ONLY/;    # for tests
    $build->run("$name: built", "$perl Makefile.PL $arguments && make -j2 && make -j2 ctests");
    BuildCopy->note_summary($build->run("$name: Perl tests", 'HARNESS_OPTIONS=j2 make test'));
    return;
}

# One build, in a folder with a space in its name, with the sending of macOS and NetBSD.
sub places_and_users {
    my $build = BuildCopy->new('mail wire');
    $build->run('sending that blocks, in a folder with a space: built', "$^X Makefile.PL DEFINE=-DMW_IO_SEND_BLOCKS && make -j2 && make -j2 ctests");
    sample($build, '... and tests', '', qw(10 21 24 25 33 34?-flight-servers 35?-lmtp 39?-flight-file 39?-sources 91));

    sample($build, 'handles that have an encoding (PERL_UNICODE)', 'PERL_UNICODE=SAD', qw([0-6] 72 8 9));
    sample($build, 'few descriptors', 'ulimit -n 64;', qw(21 31 34?-qmtp 39?-flight 50?-sink 70 83));
    sample($build, 'a time zone of its own', 'TZ="<+1245>-12:45DST,J1/0,J365/23"', qw(26 36?-connect 50?-sink 91));
    in_turkish($build);
    as_nobody($build);
    return;
}

# Files of t/ that begin so.
sub sample {
    my ($build, $name, $before, @beginnings) = @_;
    my $files = join ' ', map {"t/$_*.t"} @beginnings;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    BuildCopy->note_summary($build->run($name, "$before prove -b -j4 $files"));
    return;
}

# Where small letters are not those of ASCII's large ones, and errors not English.
sub in_turkish {
    my ($build) = @_;
    my $folder = RealServer->directory;
    my ($status, $said) = $build->execute("localedef -i tr_TR -f UTF-8 '$folder/tr_TR.UTF-8'");
    SKIP: {
        skip 'the language cannot be made here (Debian: locales): ' . (split /\n/, $said)[-1], 1 if !-e "$folder/tr_TR.UTF-8";
        sample($build, 'Turkish', "LOCPATH='$folder' LC_ALL=tr_TR.UTF-8 LANGUAGE=tr", qw(21 22 26 31 34?-lmtp 36?-connect 41 48?-arg 50?-sink 91));
    }
    return;
}

# Who may write nothing but temporary files, neither at home nor where the tests are.
sub as_nobody {
    my ($build) = @_;
    SKIP: {
        skip 'another user takes root, and runuser', 1 if $> or !RealServer->program('runuser');
        my $home = RealServer->directory;
        chmod 0555, $home or die "$home: $!";
        chmod 0755, $build->dir or die $build->dir . ": $!";
        sample($build, 'nobody, without a home', "runuser -u nobody -- env HOME='$home'", qw(00 10 21 31 36?-connect 39?-sources 50?-sink 91));
    }
    return;
}
