# MANIFEST has every file of the distribution and no other, in order.

use strict;
use warnings;

use ExtUtils::Manifest qw(fullcheck maniread);
use Test::More;

$ExtUtils::Manifest::Quiet = 1;
my ($missing, $extra) = fullcheck();
is_deeply($missing, [], 'all that it names is there');
is_deeply($extra,   [], 'all that is there is named');

open my $fh, '<', 'MANIFEST' or die "MANIFEST: $!";
my @names = map { (split)[0] } <$fh>;
is_deeply(\@names, [ sort { lc $a cmp lc $b } @names ], 'sorted, as "make manifest" does it');
is(scalar @names, scalar keys %{ maniread() }, 'each once');
done_testing;
