# Deliveries against the lying servers of t/ once more, over TLS: replies in records, cuts between and inside of them, ends with close_notify and
# without.

use strict;
use warnings;

use Test::More;

use lib qw(t/lib xt/lib);
use RealServer;

RealServer->need('prove', 'IO::Socket::SSL');
$ENV{MW_TEST_TLS} = 1;

for my $file (map { glob "t/$_-*.t" } qw(330 340 341 347 348 350 361 370 381)) {
    my $said = qx(prove -bQ $file 2>&1);
    is($?, 0, $file) or diag($said);
}
done_testing;
