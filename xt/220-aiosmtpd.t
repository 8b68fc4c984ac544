# aiosmtpd's LMTP server. It sends one final reply whatever the number of recipients: the others must
# come out as deferrals that may have been delivered, never as successes.

use strict;
use warnings;

use lib 'xt/lib';
use MIME::Base64 'decode_base64';
use RealServer;
use Test::More;
use TestMail;

my $python = '/usr/bin/python3';
RealServer->need([ 'python3-aiosmtpd', system("$python -c 'import aiosmtpd' 2>/dev/null") == 0 ]);

my $server = RealServer->start(
    command => sub { return ($python, 'xt/aiosmtpd-lmtp.py', $_[0]) },
    banner  => 1,
);

subtest 'one recipient, several messages on a link' => sub {
    my $lmtp = new_lmtp('127.0.0.1', $server->port);
    for my $message (acceptable()) {
        ok(send_message($lmtp, $message->{text}, 'alice@example.org'), $message->{name});
        results_are([ $lmtp->data_results ],
            [ [ 'alice@example.org', 'success', 250, 'final', 0 ] ], '  its result');
        is_kept($message);
    }
    ok($lmtp->quit, 'quit');
};

subtest 'a refused recipient among two' => sub {
    my $lmtp = new_lmtp('127.0.0.1', $server->port);
    ok(send_message($lmtp, "Subject: x\n\nx\n", 'refused@example.org', 'bob@example.org'), 'sent');
    results_are([ $lmtp->results ],
        [ [ 'refused@example.org', 'failure', 550, 'rcpt', 0 ], [ 'bob@example.org', 'success', 250, 'final', 0 ] ],
        'results');
    ok($lmtp->quit, 'quit');
};

subtest 'three recipients, one reply' => sub {
    for my $time (1, 2) {
        my $lmtp = Net::LMTP->new('127.0.0.1', $server->port, Timeout => 60, NextReplyTimeout => 1)
            or die "no connection: $@\n";
        my @to = map {"user$_\@example.org"} 1 .. 3;
        ok(!send_message($lmtp, "Subject: x\n\nx\n", @to), "message $time is no success as a whole");
        results_are([ $lmtp->data_results ],
            [ [ $to[0], 'success', 250, 'final', 0 ], map { [ $_, 'deferral', 421, 'final', 1 ] } @to[ 1, 2 ] ],
            '  only the first was answered');
        ok(!$lmtp->mail('sender@example.org'), '  and the link is closed');
    }
};

subtest 'AUTH' => sub {
    foreach my $password ('S3cret', 'x' x 400, "gr\xc3\xbcn") {
        my $guarded = RealServer->start(
            command => sub { return ($python, 'xt/aiosmtpd-lmtp.py', $_[0], 'ann', $password) },
            banner  => 1,
        );
        my @where = ('127.0.0.1', $guarded->port);
        my @one = (From => 'sender@example.org', To => ['alice@example.org'], Data => "Subject: x\n\nx\n");
        my $lmtp = new_lmtp(@where);
        is_deeply([ map { $_->code } $lmtp->deliver(@one) ], [530], 'who is not known delivers nothing');
        is($lmtp->auth('ann', 'another'), 0, 'another password');
        is($lmtp->code, 535, '  says so');
        for my $mechanism (qw(PLAIN LOGIN)) {
            $lmtp = Net::LMTP->new(@where, User => 'ann', Password => $password, Mechanisms => $mechanism, Timeout => 60)
                or die "no connection: $@\n";
            is_deeply([ map { $_->code } $lmtp->deliver(@one) ], [250], "$mechanism with a password of " . length($password) . ' octets');
            ok($lmtp->quit, '  quit');
        }
    }
};
done_testing;

# It refuses lines of more than 1000 bytes.
sub acceptable { return grep { $_->{text} !~ /[^\n]{999}/ } messages() }

sub is_kept {
    my ($message) = @_;
    my ($record) = (split /\n/, $server->log)[-1];
    my ($content) = $record =~ /"content": "([^"]*)"/;
    (my $kept = decode_base64(defined $content ? $content : '')) =~ s/\r\n/\n/g;
    ok($kept eq $message->{text}, '  it has what was sent');
}
