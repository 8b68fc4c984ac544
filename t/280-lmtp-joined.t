# Servers that join the final replies of all recipients into one of several lines.

use strict;
use warnings;

use Test::More;

use lib 't/lib';
use LMTPTest;
use ScriptedServer;

my @taken = (@data, data => undef);
my @noop = (expect => 'NOOP', reply => '250 ok');

# A client that knows it by the server's banner, and one that is told.
my %client = (
    'by the banner' => sub {
        my $server = ScriptedServer->new(script => [
            reply => '220 server.example LMTP Net::Server::Mail (Perl) Service ready',
            expect => qr/^LHLO/, reply => [ '250-server.example', '250 PIPELINING' ], @_ ]);
        return (connect_to($server), $server);
    },
    'by the option' => sub { script({ JoinedReplies => 1 }, @_) },
);

for my $how (sort keys %client) {
    my $client = $client{$how};
    {
        my ($lmtp, $server) = $client->(@mail, (@rcpt) x 3, @taken, send => "250-Ok\r\n550-c Failed\r\n250 Ok\r\n", @noop);
        $lmtp->mail('a@x');
        $lmtp->to('b@x', 'c@x', 'd@x');
        ok(!$lmtp->data("x\n"), "$how: three recipients, one failed");
        is($lmtp->code, 550, '... the first that was no success');
        is($lmtp->message, "c Failed\n", '... its message');
        is_deeply([ shown($lmtp->data_results) ], [ 'b@x success 250 final', 'c@x failure 550 final', 'd@x success 250 final' ],
            '... each line is a recipient\'s reply');
        is($lmtp->response, 5, '... response hands out the second');
        is($lmtp->message, "c Failed\n", '... its message');
        is($lmtp->response, 2, '... and the third');
        is($lmtp->message, "Ok\n", '... its message');
        ok($lmtp->_NOOP, '... in step');
    }
    {
        my ($lmtp, $server) = $client->(@mail, (@rcpt) x 2, @taken, send => "250-Ok\r\n250 Ok\r\n", @noop);
        $lmtp->mail('a@x');
        $lmtp->to('b@x', 'c@x');
        ok($lmtp->data("x\n"), "$how: two recipients, both accepted");
        is_deeply([ shown($lmtp->data_results) ], [ 'b@x success 250 final', 'c@x success 250 final' ], '... results');
        ok($lmtp->_NOOP, '... in step');
    }
    {
        my ($lmtp, $server) = $client->(@mail, @rcpt, @taken, reply => '250 Ok', @noop);
        $lmtp->mail('a@x');
        $lmtp->to('b@x');
        ok($lmtp->data("x\n"), "$how: one recipient");
        is_deeply([ shown($lmtp->data_results) ], ['b@x success 250 final'], '... results');
        ok($lmtp->_NOOP, '... in step');
    }
    for my $lines ("250-Ok\r\n250 Ok\r\n", "250-Ok\r\n250-Ok\r\n250-Ok\r\n250 Ok\r\n") {
        my ($lmtp, $server) = $client->(@mail, (@rcpt) x 3, @taken, send => $lines);
        $lmtp->mail('a@x');
        $lmtp->to('b@x', 'c@x', 'd@x');
        ok(!$lmtp->data("x\n"), "$how: three recipients, " . ($lines =~ tr/\n//) . ' lines');
        my @results = $lmtp->data_results;
        is(scalar @results, 3, '... three results');
        ok($results[-1]->is_deferral, '... the rest are deferrals');
        ok(!$lmtp->opened, '... closed');
    }
}

# Without the quirk two lines may be one recipient's.
{
    my ($lmtp, $server) = script(@mail, (@rcpt) x 2, @taken, send => "250-Ok\r\n250 Ok\r\n550 c no\r\n", @noop);
    $lmtp->mail('a@x');
    $lmtp->to('b@x', 'c@x');
    ok(!$lmtp->data("x\n"), 'never guessed: two lines are one reply');
    is_deeply([ shown($lmtp->data_results) ], [ 'b@x success 250 final', 'c@x failure 550 final' ], '... and the other follows');
    ok($lmtp->_NOOP, '... in step');
}

done_testing;
