# transcript: the command that decided and its reply, of results and of objects.

use strict;
use warnings;

use Test::More;

use lib 't/lib';
use LMTPTest;
use Mail::Wire::Delivery;
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

# What a result says by itself: stage, notes, code, words; command, reply.
{
    my ($answered, $doubt)  = (Mail::Wire::Result::ANSWERED, Mail::Wire::Result::MAYBE_DELIVERED);
    my ($chunked,  $qmtp)   = (Mail::Wire::Result::CHUNKED,  Mail::Wire::Result::QMTP);
    for my $case (
        [ body => $answered, 552, 'Too big', '(content)', '552 Too big' ],
        [ body => $answered | $chunked, 552, 'Too big', 'BDAT', '552 Too big' ],
        [ body => $doubt, 421, 'lost', '(content)', undef ],
        [ final => $answered | $chunked, 250, 'taken', 'BDAT LAST', '250 taken' ],
        [ final => $answered, 250, "one\ntwo\n", '.', "250-one\n250-two\n250" ],
        [ final => $answered, 250, '', '.', '250' ],
        [ data => $answered, 451, 'Later', 'DATA', '451 Later' ],
        [ mail => $answered, 451, 'Later', 'MAIL', '451 Later' ],
        [ final => $answered | $qmtp, 450, 'later', '(package)', 'Zlater' ],
        [ final => $answered | $qmtp, 550, 'no', '(package)', 'Dno' ],
    ) {
        my ($stage, $notes, $code, $words, @expected) = @$case;
        my $result = Mail::Wire::Result->_new('a@x', 0, $code, $words, $stage);
        $result->[Mail::Wire::Result::NOTES] = $notes;
        is_deeply([ $result->transcript ], \@expected, "$stage, notes $notes: $code");
        my @lines = ("> $expected[0]", map {"< $_"} defined $expected[1] ? split /\n/, $expected[1] : ());
        is(scalar $result->transcript, join('', map {"$_\n"} @lines), '... as a text');
    }

    # Whatever is neither a success nor a refusal may be tried again.
    my %status = (200 => 'success', 299 => 'success', (map { $_ => 'deferral' } 0, 354, 421, 499), 500 => 'failure', 599 => 'failure');
    for my $code (sort keys %status) {
        my $status = $status{$code};
        my $result = Mail::Wire::Result->_new('a@x', 0, $code, 'words', 'final');
        is(join(' ', $result->status, grep { my $is = "is_$_"; $result->$is } qw(success deferral failure)), "$status $status", "status of $code");
    }
}

# As text and as JSON: what is said cannot make lines or fields of its own.
{
    my $result = Mail::Wire::Result->_new("a\n\@x", 2, '550', "no \nnever\x7f", 'rcpt');
    is("$result", '<a\x0a@x>: failure (rcpt) 550 no never\x7f', 'a result as a string');
    is(Mail::Wire::Result->_new('a@x', 0, 250, '', 'final')->as_string, '<a@x>: success (final) 250', '... without words');
    $result->[Mail::Wire::Result::NOTES] = Mail::Wire::Result::MAYBE_DELIVERED;
    like("$result", qr/ \(may have been delivered\)\z/, '... in doubt');
    require JSON::PP;
    my $json = JSON::PP->new->canonical->convert_blessed->encode($result);
    like($json, qr/\A\{"code":550,"enhanced":null,"index":2,"maybe_delivered":true,"message":"no \\nnever/, '... as JSON');
    like($json, qr/,"stage":"rcpt","status":"failure"\}\z/, '... to its end');

    my $of = sub { Mail::Wire::Delivery->new(1, [ map { Mail::Wire::Result->_new('a@x', 0, $_, '', 'final') } @_ ]) };
    for my $case ([ 'success', 250 ], [ 'success', 250, 251 ], [ 'deferral', 250, 451 ], [ 'failure', 451, 550, 250 ], [ 'failure', 550 ]) {
        my ($status, @codes) = @$case;
        my $delivery = $of->(@codes);
        is(join(' ', grep { my $is = "is_$_"; $delivery->$is } qw(success deferral failure)), $status, "a delivery of @codes");
    }
    is($of->(250)->attempts, 1, '... is one attempt');
    is(scalar @{ $of->(250, 550) }, 2, '... is the list of its results');
}

# ---- the object

{
    my ($lmtp) = session({}, keywords => [ 'PIPELINING', 'DSN' ], RCPT => [ '250 ok', '550 no' ], final => ['250 one'], AUTH => '535 no', NOOP => '250-a|250 b');
    is_deeply([ ($lmtp->transcript)[0] ], ['LHLO client.example'], 'an object: its login');
    $two->($lmtp);
    is_deeply([ $lmtp->transcript ], [ 'RCPT TO:<b@x> NOTIFY=NEVER', '550 no' ], '... a delivery: what was refused');
    is(scalar $lmtp->transcript, "> RCPT TO:<b\@x> NOTIFY=NEVER\n< 550 no\n", '... as a text');
    my ($other) = session({}, keywords => [ 'PIPELINING', 'DSN' ], final => [ '250 one', '250 two' ]);
    $two->($other);
    is_deeply([ $other->transcript ], [ '.', '250 two' ], '... one that all have: the last of them');
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
