# The queue plugin of eg/ in a real qpsmtpd: an SMTP client gets, for each recipient, what the LMTP server has said.

use strict;
use warnings;

use lib 'xt/lib';
use File::Copy qw(copy);
use Mail::Wire::Sink;
use Net::SMTP;
use RealServer;
use Test::More;

RealServer->need('qpsmtpd-forkserver', 'Net::SMTP');

my $sink = Mail::Wire::Sink->new(final => { 'no@x.example' => '550 5.1.1 Nobody', 'full@x.example' => '452 4.2.2 Full' });
my $server = start_qpsmtpd(join ' ', $sink->host, $sink->port);

my $smtp = connect_to($server);
is(reply_to($smtp, 'ben@x.example'), '250 2.0.0 Delivered', 'accepted');
is(reply_to($smtp, 'no@x.example'), '552 5.1.1 Nobody', 'refused for good');
is(reply_to($smtp, 'full@x.example'), '452 4.2.2 Full', 'refused for now');
my ($message, @others) = $sink->messages;
is($message->{from}, 'ann@y.example', 'the sender');
is_deeply([ map { $_->{address} } @{ $message->{recipients} } ], ['ben@x.example'], 'the recipient');
like($message->{data}, qr/\AReceived: .*^Subject: Hello\r\n(?:\S+: .*\r\n)*\r\nOne\r\n\.two\r\n\z/ms, 'the message');
is(reply_to($smtp, '"ben,b"@x.example', ''), '250 2.0.0 Delivered', 'the null sender, and an address in quotes');
is_deeply([ map { ($_->{from}, $_->{recipients}[0]{address}) } ($sink->messages)[-1] ], [ '', '"ben\\,b"@x.example' ], '... are those of LMTP');

$smtp->mail('ann@y.example');
ok($smtp->to('ben@x.example'), 'a first recipient');
ok(!$smtp->to('cyd@x.example'), '... and no second one');
like($smtp->code . ' ' . $smtp->message, qr/\A452 4\.5\.3 /, '... who is for another transaction');
$smtp->quit;

$sink->stop;
$smtp = connect_to($server);
is(reply_to($smtp, 'ben@x.example'), '452 4.4.1 The mailboxes are out of reach', 'nobody is there');
$smtp->quit;
done_testing;

sub connect_to {
    my ($server) = @_;
    return Net::SMTP->new('127.0.0.1', Port => $server->port, Hello => 'client.example', Timeout => 30) || die "no connection: $@";
}

sub reply_to {
    my ($smtp, $to, @from) = @_;
    my $from = @from ? $from[0] : 'ann@y.example';
    $smtp->mail($from) && $smtp->to($to) && $smtp->data && $smtp->datasend("Subject: Hello\n\nOne\n.two\n") && $smtp->dataend;
    my ($line) = split /\n/, $smtp->message;
    return $smtp->code . " $line";
}

sub start_qpsmtpd {
    my ($place) = @_;
    my $dir = RealServer->directory;
    mkdir "$dir/$_" or die "$dir/$_: $!" for qw(config plugins plugins/queue spool);
    chmod 0700, "$dir/spool";
    copy('eg/qpsmtpd-lmtp', "$dir/plugins/queue/lmtp") or die "eg/qpsmtpd-lmtp: $!";
    my %config = (
        plugins => "queue/lmtp $place\nrcpt_ok", plugin_dirs => "$dir/plugins\n/usr/share/qpsmtpd/plugins", rcpthosts => 'x.example',
        me => 'mx.example', spool_dir => "$dir/spool", loglevel => 4, timeout => 30,
    );
    for my $name (keys %config) {
        open my $fh, '>', "$dir/config/$name" or die "$dir/config/$name: $!";
        print {$fh} "$config{$name}\n";
        close $fh or die $!;
    }
    local $ENV{QPSMTPD_CONFIG} = "$dir/config";
    my $user = getpwuid $>;
    # A program under -T takes no library from the environment.
    my @command = ($^X, '-T', (map {"-I$_"} grep {/blib/} @INC), RealServer->program('qpsmtpd-forkserver'));
    return RealServer->start(dir => $dir, banner => 1, command => sub { return (@command, '-l', '127.0.0.1', '-p', $_[0], '-u', $user, '-H') });
}
