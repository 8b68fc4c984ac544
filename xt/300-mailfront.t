# mailfront's QMTP server under tcpserver. It gives one answer per package, whatever the number of
# recipients: the others must come out as deferrals.

use strict;
use warnings;

use lib 'xt/lib';
use File::Temp ();
use RealServer;
use Test::More;
use TestMail;

RealServer->need('tcpserver', 'qmtpfront-echo');

my $server = RealServer->start(
    command => sub {
        return (RealServer->program('tcpserver'), '-RHl0', '127.0.0.1', $_[0],
            RealServer->program('qmtpfront-echo'), 'accept');
    },
);
require Net::QMTP;

subtest 'one recipient, several packages on a link' => sub {
    my $qmtp = new_qmtp();
    for my $message (messages()) {
        my $answer = send_package($qmtp, $message->{text}, 'alice@example.org');
        ok($answer, $message->{name}) or next;
        is_deeply([ keys %$answer ], ['alice@example.org'], '  one answer');
        like($answer->{'alice@example.org'}, qr/\Asuccess: Received \d+ bytes\./, '  accepted');
        results_are([ $qmtp->results ], [ [ 'alice@example.org', 'success', 250, 'final', 0 ] ], '  its result');
    }
    ok($qmtp->disconnect, 'disconnect');
};

subtest 'from a file' => sub {
    my $qmtp = new_qmtp();
    my ($message) = grep { $_->{name} eq 'large' } messages();
    my $file = File::Temp->new;
    print {$file} $message->{text};
    close $file or die $!;
    for my $time (1 .. 3) {
        ok($qmtp->new_envelope && $qmtp->new_message, "package $time");
        $qmtp->sender('sender@example.org');
        $qmtp->recipient('alice@example.org');
        $qmtp->message_from_file("$file");
        my $answer = $qmtp->send;
        like($answer && $answer->{'alice@example.org'}, qr/\Asuccess: /, '  accepted');
    }
};

subtest 'three recipients, one answer' => sub {
    my @to = map {"user$_\@example.org"} 1 .. 3;
    my $qmtp = new_qmtp(NextReplyTimeout => 1);
    my $answer = send_package($qmtp, "Subject: x\n\nx\n", @to);
    like($answer->{ $to[0] }, qr/\Asuccess: /, 'the first is accepted');
    like($answer->{$_}, qr/\Adeferral: /, "$_ is not known to be") for @to[ 1, 2 ];
    results_are([ $qmtp->results ],
        [ [ $to[0], 'success', 250, 'final', 0 ], map { [ $_, 'deferral', 450, 'final', 1 ] } @to[ 1, 2 ] ],
        'results');
    ok($qmtp->reconnect, 'reconnect');
    $answer = send_package($qmtp, "Subject: y\n\ny\n", 'alice@example.org');
    like($answer && $answer->{'alice@example.org'}, qr/\Asuccess: /, 'and the next package is its own');
};

subtest 'line ends of DOS are refused by this server' => sub {
    my $qmtp = new_qmtp();
    $qmtp->encoding('dos');
    my $answer = send_package($qmtp, "Subject: x\r\n\r\nx\r\n", 'alice@example.org');
    my $text = $answer ? $answer->{'alice@example.org'} : 'none';
    unlike($text, qr/\Asuccess/, "no success: $text");
};
done_testing;

sub new_qmtp {
    my (%option) = @_;
    my $qmtp = Net::QMTP->new('127.0.0.1', Port => $server->port, Timeout => 60, %option);
    ok($qmtp, 'connected') or die "no connection\n";
    $qmtp->encoding('unix');
    return $qmtp;
}

sub send_package {
    my ($qmtp, $text, @recipients) = @_;
    $qmtp->new_envelope;
    $qmtp->new_message;
    $qmtp->sender('sender@example.org');
    $qmtp->recipient($_) for @recipients;
    $qmtp->message($text);
    return $qmtp->send;
}
