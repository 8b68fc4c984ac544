# mailwire deliver as a real Postfix calls it by pipe(8): who is accepted is delivered, who is refused is bounced with the server's words, who is
# deferred stays in the queue, and is delivered when the server takes it.

use strict;
use warnings;

use lib qw(t/lib xt/lib);
use File::Spec ();
use RealServer;
use Test::More;

BEGIN { RealServer->need('postfix', '/usr/lib/postfix/sbin/master', [ 'root', $> == 0 ], [ 'the user postfix', defined getpwnam 'postfix' ]) }

use CommandTest;
use JSON::PP ();
use Mail::Wire::Sink ();
use Net::SMTP;

use constant WAIT => 120;

my %rules = (rcpt => { 'later@example.org' => '451 4.3.0 Not now', 'nobody@example.org' => '550 5.1.1 No such user' },
    final => { 'full@example.org' => '452 4.2.2 Mailbox full', 'spam@example.org' => '554 5.7.1 No such mail' });
my $sink = Mail::Wire::Sink->new(%rules);
my $dir = RealServer->directory;
chmod 0755, $dir or die "$dir: $!";
foreach my $folder (map {"$dir/$_"} qw(etc data queue code)) { mkdir $folder or die "$folder: $!" }
chown((getpwnam 'postfix')[2], -1, "$dir/data") or die "$dir/data: $!";

# The program is run by nobody, who may not be let into this folder.
is(system('cp', '-r', 'script', (grep { -d } 'lib', 'blib'), "$dir/code"), 0, 'the program is copied');
my $server = RealServer->start(
    command => sub {
        configure($_[0]);
        return ('/usr/lib/postfix/sbin/master', '-c', "$dir/etc", '-d');
    },
    dir    => $dir,
    banner => 1,
);

my @to = qw(ann ben later nobody full spam);
submit(map {"$_\@example.org"} @to);
ok(wait_for(sub { my $queue = queued(); keys %$queue == 2 and @{ bounced() } }, WAIT), 'all have been tried') or diag(told());
my $queue = queued();
like($queue->{'later@example.org'}, qr/4\.3\.0.*Not now/, 'deferred at RCPT: stays in the queue, with what the server says') or diag(told());
like($queue->{'full@example.org'}, qr/4\.2\.2.*Mailbox full/, '... deferred at the end: as well');
is_deeply([ delivered('sender@example.net') ], [qw(ann@example.org ben@example.org)], 'who is accepted has the message');
my $bounces = join '', @{ bounced() };
my $fields = qr/(?:(?!\r\n\r\n).)*/s;
like($bounces, qr/^Final-Recipient: rfc822; \Q$_->[0]\E\r$fields^Status: $_->[1]\r$/m, "refused: $_->[0] is bounced, with the server's code")
    foreach [ 'nobody@example.org' => '5.1.1' ], [ 'spam@example.org' => '5.7.1' ];
like($bounces, qr/No such user/, '... and words');

$sink->rules(rcpt => undef, final => undef);
postfix('postqueue', '-f');
ok(wait_for(sub { delivered('sender@example.net') == 4 }, WAIT), 'later: the server takes the others') or diag(told());
is_deeply([ delivered('sender@example.net') ], [ sort map {"$_\@example.org"} qw(ann ben full later) ], '... and each has it once');

$sink->stop;
submit('ann@example.org');
ok(wait_for(sub { queued()->{'ann@example.org'} }, WAIT), 'no server: the message stays in the queue') or diag(told());
like(queued()->{'ann@example.org'}, qr/mailwire deliver: .*cannot connect|mailwire deliver: .*refused/i, '... and why');
done_testing;

sub submit {
    my (@addresses) = @_;
    my $smtp = Net::SMTP->new('127.0.0.1', Port => $server->port, Timeout => 60) or die "no SMTP: $@\n";
    $smtp->mail('sender@example.net');
    ok($smtp->to(@addresses), 'Postfix takes a message') or diag($smtp->message);
    $smtp->data("Subject: Hello\n\nHello.\n") or diag($smtp->message);
    $smtp->quit;
    return;
}

# Why each recipient is in the queue who has been tried.
sub queued {
    my %why;
    foreach my $line (split /\n/, postfix('postqueue', '-j')) {
        my $entry = eval { JSON::PP::decode_json($line) } or next;
        foreach my $recipient (@{ $entry->{recipients} }) {
            $why{ $recipient->{address} } = $recipient->{delay_reason} if defined $recipient->{delay_reason};
        }
    }
    return \%why;
}

sub postfix {
    my ($program, @arguments) = @_;
    $program = RealServer->program($program);
    return scalar qx($program -c $dir/etc @arguments 2>>$dir/server.log);
}

sub delivered {
    my ($sender) = @_;
    my @accepted = grep { $_->{reply} !~ /\A[45]/ } map { @{ $_->{recipients} } } grep { $_->{from} eq $sender } $sink->messages;
    my @addresses = sort map { $_->{address} } @accepted;
    return @addresses;
}

sub bounced { return [ map { $_->{data} } grep { $_->{from} eq '' } $sink->messages ] }

sub told { return RealServer::slurp("$dir/mail.log") . $server->log }

sub configure {
    my ($port) = @_;
    my @code = map {"-I$dir/code/$_"} grep { -d "$dir/code/$_" } qw(blib/lib blib/arch);
    my $url = $sink->url;
    write_file("$dir/etc/main.cf", <<"CONF");
compatibility_level = 3.6
queue_directory = $dir/queue
data_directory = $dir/data
maillog_file = $dir/mail.log
maillog_file_prefixes = $dir
myhostname = mail.example.org
mydestination =
inet_interfaces = loopback-only
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
default_transport = mailwire
relay_transport = mailwire
local_transport = mailwire
alias_maps =
mailwire_destination_recipient_limit = 1
minimal_backoff_time = 3600s
CONF
    write_file("$dir/etc/master.cf", <<"CONF");
127.0.0.1:$port inet n - n - - smtpd
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n - - proxymap
error     unix  - - n - - error
retry     unix  - - n - - error
showq     unix  n - n - - showq
anvil     unix  - - n - 1 anvil
postlog   unix-dgram n - n - 1 postlogd
mailwire  unix  - n n - 2 pipe
  flags=Rq user=nobody argv=$^X @code $dir/code/script/mailwire deliver -f \${sender} -a \${original_recipient} -d \${recipient} $url
CONF
    system RealServer->program('postfix'), '-c', "$dir/etc", 'check';
    return;
}
