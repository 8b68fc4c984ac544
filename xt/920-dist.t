# Makefile.PL and what it writes: rebuilding, cleaning, packing, refusing.

use strict;
use warnings;

use lib 'xt/lib';
use BuildCopy;
use RealServer;
use Test::More;

RealServer->need(qw(gcc make tar));

my $copy     = BuildCopy->new;
my $pristine = files($copy);

$copy->run('configured', "$^X Makefile.PL");
$copy->run('built by two jobs', 'make -j2 && make ctests');
unlike($copy->run('nothing to do', 'make && make ctests'), qr/ -c /, 'and nothing is compiled again');

utime undef, undef, $copy->dir . '/c/error.h';
my @compiled = $copy->run('a header changed', 'make && make ctests') =~ / -o (\S+\.o) /g;
my @sources  = grep {m{\A(?:c|t/c|fuzz)/.*\.c\z}} keys %$pristine;
is(scalar @compiled, @sources + glue_count($copy), 'and every object is compiled again');

$copy->run('distcheck', 'make distcheck') =~ /(Not in MANIFEST|No such file).*/ and fail("distcheck: $&");
$copy->run('clean', 'make clean');
is_deeply([ grep { !$pristine->{$_} } sort keys %{ files($copy) } ], ['Makefile.old'], 'leaves its Makefile only');
rename $copy->dir . '/Makefile.old', $copy->dir . '/Makefile';
$copy->run('realclean', 'make realclean');
is_deeply(files($copy), $pristine, 'leaves what was there before');

$copy->run('disttest', "$^X Makefile.PL && HARNESS_OPTIONS=j2 make disttest");

my $why = $copy->run('refusal without a compiler', "rm -f Makefile; $^X Makefile.PL CC=/nonexistent/cc");
like($why, qr/C99 compiler.*No Makefile written/s, 'says why');
ok(!-e $copy->dir . '/Makefile', 'and writes no Makefile');

unlink $copy->dir . '/c/error.c' or die $!;
my ($status, $text) = $copy->execute("$^X Makefile.PL");
isnt($status, 0, 'refusal without a source');
like($text, qr{missing.*c/error\.c}s, 'names it');
done_testing;

sub files {
    my ($copy) = @_;
    my ($status, $list) = $copy->execute('find . -type f');
    return { map { s{\A\./}{} ? ($_ => 1) : () } split /\n/, $list };
}

sub glue_count {
    my ($copy) = @_;
    my @glue = glob $copy->dir . '/xs/*.c';
    return scalar @glue;
}
