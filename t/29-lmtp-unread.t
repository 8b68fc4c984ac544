# Replies that a caller has not read are read before those to the message's end: none of them is taken for one.

use strict;
use warnings;

use Test::More;

use lib 't/lib';
use LMTPTest;

my %end = (
    dataend  => sub { $_[0]->data && $_[0]->datasend("x\n") && $_[0]->dataend },
    bdatlast => sub { $_[0]->bdatlast("x\r\n") },
);

for my $way (sort keys %end) {
    for my $final ('250 saved', '550 no') {
        my ($lmtp) = session(keywords => ['CHUNKING'], RCPT => [ '250 ok', '250 ok' ], final => [ $final, $final ]);
        $lmtp->mail('a@x');
        $lmtp->to('b@x');
        $lmtp->command('RCPT', 'TO:<c@x>');
        if ($way eq 'dataend') { is($lmtp->response, 2, 'dataend: RCPT by hand') }
        is(!!$end{$way}->($lmtp), $final =~ /^2/ ? !!1 : !!0, "$way behind an unread RCPT, $final");
        is_deeply([ map { $_->recipient . ' ' . $_->code } $lmtp->data_results ],
            [ map { "$_ " . substr $final, 0, 3 } 'b@x', 'c@x' ], '... each has its own reply');
        ok($lmtp->_NOOP, '... and the link is in step');
    }
}

done_testing;
