# Builds without a warning, and passes its tests, under gcc and clang.

use strict;
use warnings;

use lib 'xt/lib';
use BuildCopy;
use RealServer;
use Test::More;

my @compilers = qw(gcc clang);
RealServer->need(@compilers, 'make');

for my $cc (@compilers) {
    subtest $cc => sub {
        my $copy = BuildCopy->new;
        $copy->run('configured', "$^X Makefile.PL CC=$cc WERROR=1");
        my $output = $copy->run('built without a warning', 'make -j2');
        like($output, qr/^$cc -c .*-Werror/m, 'by this compiler');
        BuildCopy->note_summary($copy->run('tested', 'make test'));
    };
}
done_testing;
