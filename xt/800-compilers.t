# Builds without a warning, and passes its tests, under gcc and clang. One of them is perl's own, with which "make test" has run
# already: the C tests only, then.

use strict;
use warnings;

use lib 'xt/lib';
use BuildCopy;
use Config;
use RealServer;
use Test::More;

my @compilers = qw(gcc clang);
RealServer->need(@compilers, 'make');

for my $cc (@compilers) {
    subtest $cc => sub {
        my $copy = BuildCopy->new;
        $copy->run('configured', "$^X Makefile.PL CC=$cc WERROR=1");
        my $output = $copy->run('built without a warning', 'make -j2 && make -j2 ctests');
        like($output, qr/^$cc -c .*-Werror/m, 'by this compiler');
        my $is_own = $Config{cc} =~ /\b\Q$cc\E\z/;
        BuildCopy->note_summary($copy->run('tested', $is_own ? 'prove t/100-core.t' : 'HARNESS_OPTIONS=j2 make test'));
    };
}
done_testing;
