# Every module loads, and has a version that scripts which ask for an old one accept.

use strict;
use warnings;

use Test::More;

my @asked_for = (
    [ 'Net::LMTP',  '0.04' ],
    [ 'Net::QMTP',  '0.06' ],
    [ 'Mail::Wire', '1.000' ],
);

for my $row (@asked_for) {
    my ($module, $version) = @$row;
    require_ok($module);
    ok(eval { $module->VERSION($version); 1 }, "$module is at least $version") or diag($@);
}
require_ok($_) for qw(Mail::Wire::Mailbox Mail::Wire::Pool Mail::Wire::Result Mail::Wire::Sink);

is($_->VERSION, $Mail::Wire::VERSION, "one version for all: $_")
    for qw(Net::LMTP Net::QMTP Mail::Wire::Mailbox Mail::Wire::Pool Mail::Wire::Result Mail::Wire::Sink);
isa_ok('Net::LMTP', $_) for qw(Net::Cmd IO::Socket);

done_testing;
