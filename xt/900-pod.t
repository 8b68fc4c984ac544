# The manual pages: well-formed, with every public method.

use strict;
use warnings;

use lib 'xt/lib';
use RealServer;
use Test::More;

RealServer->need(qw(Test::Pod Test::Pod::Coverage Email::Sender::Transport));

my @pages = Test::Pod::all_pod_files('lib');
ok(@pages > 0, 'there are manual pages');
Test::Pod::pod_file_ok($_) for @pages;

# What users see; the modules below Mail::Wire::Mailbox, Mail::Wire::Pool and Mail::Wire::Sink are their own affair. The
# underscore names of Net::LMTP that callers use are private to Pod::Coverage, which is as it should be: they share one section.
Test::Pod::Coverage::pod_coverage_ok($_, { also_private => ['BUILD'] })
    for (map { ("Email::Sender::Transport::$_", "Email::Sender::Transport::${_}::Persistent") } qw(LMTP QMTP)),
    qw(Net::LMTP Net::QMTP Mail::Wire Mail::Wire::Mailbox Mail::Wire::Pool Mail::Wire::Result Mail::Wire::Sink);
done_testing;
