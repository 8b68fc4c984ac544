# transcript: the command that decided and its reply, of results and of objects.

use strict;
use warnings;

use Test::More;

use lib 't/lib';
use LMTPTest;
use Mail::Wire::Result;
use Net::QMTP;
use QMTPServer;

my @chunks = (keywords => [ 'PIPELINING', 'CHUNKING', 'DSN' ]);

# ---- results: name, the server, how, what each recipient's transcript is

my $two = sub { [ $_[0]->deliver(From => 's@x', To => [ 'a@x', [ 'b@x', { Notify => ['NEVER'] } ] ], Data => "x\n") ] };
my $sync = sub {
    my ($lmtp) = @_;
    $lmtp->mail('s@x');
    $lmtp->recipient('a@x', 'b@x', { SkipBad => 1 });
    $lmtp->data("x\n");
    return [ $lmtp->results ];
};
my $bdat = sub {
    my ($lmtp) = @_;
    $lmtp->mail('s@x');
    $lmtp->recipient('a@x');
    $lmtp->bdatlast("x\r\n");
    return [ $lmtp->results ];
};
for my $case (
    [ 'accepted' => [ keywords => [ 'PIPELINING', 'DSN' ], final => [ '250 one', '250 two' ] ], $two, [ '.', '250 one' ], [ '.', '250 two' ] ],
    [ 'RCPT refused' => [ keywords => [ 'PIPELINING', 'DSN' ], RCPT => [ '250 ok', '550-5.1.1 no|550 5.1.1 never' ], final => ['250 one'] ], $two,
        [ '.', '250 one' ], [ 'RCPT TO:<b@x> NOTIFY=NEVER', "550-5.1.1 no\n550 5.1.1 never" ] ],
    [ 'MAIL refused' => [ keywords => [ 'PIPELINING', 'DSN' ], MAIL => '451 later' ], $two, ([ 'MAIL FROM:<s@x>', '451 later' ]) x 2 ],
    [ 'DATA refused' => [ keywords => ['DSN'], DATA => '452 full' ], $two, ([ 'DATA', '452 full' ]) x 2 ],
    [ 'by hand, RCPT refused' => [ RCPT => [ '250 ok', '550 no' ], final => ['250 one'] ], $sync, [ '.', '250 one' ], [ 'RCPT TO:<b@x>', '550 no' ] ],
    [ 'by hand, BDAT' => [ @chunks, final => ['250 one'] ], $bdat, [ 'BDAT LAST', '250 one' ] ],
    [ 'a lost link' => [ keywords => ['DSN'], final => ['close'] ], $two, ([ '.', undef ]) x 2 ],
    [ 'a reply without text' => [ keywords => ['DSN'], final => [ '250', '250 two' ] ], $two, [ '.', '250' ], [ '.', '250 two' ] ],
) {
    my ($name, $answers, $how, @expected) = @$case;
    my ($lmtp) = session({}, map { ref $_ ? [ map { join "\r\n", split /\|/ } @$_ ] : $_ } @$answers);
    my $results = $how->($lmtp);
    is_deeply([ map { [ $_->transcript ] } @$results ], \@expected, $name) or diag(map {"$_\n"} @$results);
}

is_deeply([ Mail::Wire::Result->_new('a@x', 0, 421, 'no connection', 'connect')->transcript ], [], 'nothing was asked');
is(scalar Mail::Wire::Result->_new('a@x', 0, 421, 'no connection', 'connect')->transcript, undef, '... as a text');

# ---- the object

{
    my ($lmtp) = session({}, keywords => [ 'PIPELINING', 'DSN' ], RCPT => [ '250 ok', '550 no' ], final => ['250 one'], AUTH => '535 no', NOOP => '250-a|250 b');
    is_deeply([ ($lmtp->transcript)[0] ], ['LHLO client.example'], 'an object: its login');
    $two->($lmtp);
    is_deeply([ $lmtp->transcript ], [ 'RCPT TO:<b@x> NOTIFY=NEVER', '550 no' ], '... a delivery: what was refused');
    is(scalar $lmtp->transcript, "> RCPT TO:<b\@x> NOTIFY=NEVER\n< 550 no\n", '... as a text');
    $lmtp->mail('s@x', Return => 'HDRS');
    is_deeply([ $lmtp->transcript ], [ 'MAIL FROM:<s@x> RET=HDRS', '250 ok' ], '... a command');
    $lmtp->reset;
    $lmtp->_AUTH('PLAIN', 'c2VjcmV0c2VjcmV0');
    is_deeply([ $lmtp->transcript ], [ 'AUTH PLAIN (hidden)', '535 no' ], '... AUTH');
    $lmtp->command("NOOP a\nb");
    $lmtp->response;
    is_deeply([ $lmtp->transcript ], [], '... a command that is refused here') or diag explain [$lmtp->transcript];
}

{
    my ($lmtp) = session({}, AUTH => '535 you said c2VjcmV0c2VjcmV0');
    $lmtp->_AUTH('PLAIN', 'c2VjcmV0c2VjcmV0');
    is_deeply([ $lmtp->transcript ], [ 'AUTH PLAIN (hidden)', '535 (hidden)' ], 'a secret that is repeated');
}

{
    my ($lmtp) = script({}, expect => qr/^NOOP/, close => 1);
    $lmtp->_NOOP('x');
    is_deeply([ $lmtp->transcript ], [ 'NOOP', undef ], 'the link is lost');
}

# ---- Net::QMTP

{
    my $server = QMTPServer->new([ 'Kok', 'Dno (#5.1.1)' ]);
    my $qmtp = QMTPServer::client($server);
    is_deeply([ $qmtp->transcript ], [], 'Net::QMTP: before anything');
    my @results = $qmtp->deliver(From => 'a@x', To => [ 'b@x', 'c@x' ], Data => "x\n");
    is_deeply([ map { [ $_->transcript ] } @results ], [ [ '(package)', 'Kok' ], [ '(package)', 'Dno (#5.1.1)' ] ], '... its letters');
    is_deeply([ $qmtp->transcript ], [ '(package)', 'Dno (#5.1.1)' ], '... the object');
}

done_testing;
