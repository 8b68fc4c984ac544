# mailfront's QMTP server under tcpserver, in plain and behind stunnel (QMTPS). It gives one answer per package, whatever the number of
# recipients: the others must come out as deferrals.

use strict;
use warnings;

use lib qw(t/lib xt/lib);
use File::Temp ();
use RealServer;
use Test::More;
use TestMail;

BEGIN { RealServer->need('tcpserver', 'qmtpfront-echo', 'stunnel4', 'IO::Socket::SSL') }

use TLSTest;

my $server = RealServer->start(
    command => sub {
        return (RealServer->program('tcpserver'), '-RHl0', '127.0.0.1', $_[0],
            RealServer->program('qmtpfront-echo'), 'accept');
    },
);
require Net::QMTP;

my $dir = RealServer->directory;
my $stunnel = RealServer->start(
    command => sub {
        my $own = tls_of('good');
        open my $fh, '>', "$dir/stunnel.conf" or die "$dir/stunnel.conf: $!";
        print {$fh} "foreground = yes\npid =\n[qmtps]\naccept = 127.0.0.1:$_[0]\nconnect = 127.0.0.1:", $server->port,
            "\ncert = $own->{SSL_cert_file}\nkey = $own->{SSL_key_file}\n";
        close $fh or die "$dir/stunnel.conf: $!";
        return (RealServer->program('stunnel4'), "$dir/stunnel.conf");
    },
);

my @where;
for my $way ([ 'plain', $server->port ], [ 'QMTPS', $stunnel->port, SSL => 1, trusting() ]) {
    (my $name, @where) = @$way;
    subtest $name => sub {
        check_packages();
        check_file();
        check_several();
        check_line_ends();
        check_deliveries();
    };
}
done_testing;

sub check_packages {
    my $qmtp = new_qmtp();
    for my $message (messages()) {
        my $answer = send_package($qmtp, $message->{text}, 'alice@example.org');
        ok($answer, $message->{name}) or next;
        is_deeply([ keys %$answer ], ['alice@example.org'], '  one answer');
        like($answer->{'alice@example.org'}, qr/\Asuccess: Received \d+ bytes\./, '  accepted');
        results_are([ $qmtp->results ], [ [ 'alice@example.org', 'success', 250, 'final', 0 ] ], '  its result');
    }
    ok($qmtp->disconnect, 'disconnect');
    return;
}

sub check_file {
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
    return;
}

sub check_several {
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
    return;
}

sub check_line_ends {
    my $qmtp = new_qmtp();
    $qmtp->encoding('dos');
    my $answer = send_package($qmtp, "Subject: x\r\n\r\nx\r\n", 'alice@example.org');
    my $text = $answer ? $answer->{'alice@example.org'} : 'none';
    unlike($text, qr/\Asuccess/, "line ends of DOS, which this server refuses: $text");
    return;
}

sub check_deliveries {
    my $qmtp = new_qmtp();
    my @messages = messages();
    $qmtp->submit(From => 'sender@example.org', To => ['alice@example.org'], Data => $_->{text}) for @messages;
    my @done;
    while (my $done = $qmtp->collect) { push @done, $done->is_success ? 1 : 0 }
    is("@done", join(' ', (1) x @messages), 'submitted packages are accepted');
    return;
}

sub new_qmtp {
    my (%option) = @_;
    my $qmtp = Net::QMTP->new('127.0.0.1', Port => @where, Timeout => 60, %option);
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
