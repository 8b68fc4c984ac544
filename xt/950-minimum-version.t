# The syntax of lib/ and t/ is perl 5.10.1's, and Makefile.PL asks for no newer one.

use strict;
use warnings;

use lib 'xt/lib';
use ExtUtils::Manifest 'maniread';
use RealServer;
use Test::More;

RealServer->need('Perl::MinimumVersion');

my $MINIMUM = version->parse('5.010001');

my @files = sort grep {m{\A(?:(?:lib|t)/.*\.(?:pm|t|pl)|Makefile\.PL)\z}} keys %{ maniread() };
ok(@files > 0, 'there are files');
for my $file (@files) {
    my $document = Perl::MinimumVersion->new($file) or fail("$file: not understood"), next;
    my $explicit = $document->minimum_explicit_version || $MINIMUM;
    cmp_ok($document->minimum_syntax_version, '<=', $MINIMUM, "$file: syntax");
    cmp_ok($explicit, '<=', $MINIMUM, "$file: use VERSION");
}
done_testing;
