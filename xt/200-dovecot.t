# Dovecot's LMTP server: TCP and UNIX socket, two users and one that does not exist, stored mail
# compared byte for byte.

use strict;
use warnings;

use lib qw(t/lib xt/lib);
use RealServer;
use Test::More;
use TestMail;

BEGIN { RealServer->need('dovecot', '/usr/lib/dovecot/lmtp', [ 'root', $> == 0 ], 'IO::Socket::SSL') }

use TLSTest;

my $tls = tls_of('good');
my ($secure_port, $proxied_port, $proxied_secure_port) = map { RealServer->free_port } 1 .. 3;
my ($uid, $gid) = (getpwnam 'nobody')[ 2, 3 ];
my $dir = RealServer->directory;
chmod 0755, $dir or die "$dir: $!";
make_files();

my $server = RealServer->start(
    command => sub {
        write_file("$dir/dovecot.conf", configuration($_[0]));
        return (RealServer->program('dovecot'), '-F', '-c', "$dir/dovecot.conf");
    },
    dir    => $dir,
    banner => 1,
);

my @tcp = ('127.0.0.1', $server->port);
my @tls = trusting();
for my $link (
    [ 'TCP',         @tcp ],
    [ 'UNIX socket', "$dir/run/lmtp", undef ],
    [ 'STARTTLS',                       @tcp, @tls, StartTLS => 'require' ],
    [ 'STARTTLS on the UNIX socket',    "$dir/run/lmtp", undef, @tls, StartTLS => 'require', SSL_verifycn_name => 'localhost' ],
    [ 'TLS 1.2',                        '127.0.0.1', $secure_port, @tls, SSL => 1, SSL_version => 'TLSv1_2' ],
    [ 'TLS 1.3',                        '127.0.0.1', $secure_port, @tls, SSL => 1, SSL_version => 'TLSv1_3' ],
) {
    my ($name, @where) = @$link;
    subtest "one recipient over $name"    => sub { check_one(@where) };
    subtest "three recipients over $name" => sub { check_three(@where) };
    next if $name =~ /UNIX|1\.2/;
    subtest "BDAT over $name" => sub { check_bdat(@where) };
    subtest "a file to several, by BDAT, over $name" => sub { check_file(@where) };
    subtest "deliveries over $name" => sub { check_deliveries(@where) };
}
subtest 'XCLIENT over TCP'      => sub { check_xclient(@tcp) };
subtest 'XCLIENT over STARTTLS' => sub { check_xclient(@tcp, @tls, StartTLS => 'require') };
subtest 'the PROXY protocol'    => sub { check_proxy('127.0.0.1', $proxied_port) };
subtest 'the PROXY protocol in front of TLS' => sub { check_proxy('127.0.0.1', $proxied_secure_port, @tls, SSL => 1) };
subtest 'parameters of its own' => sub { check_parameters(@tcp) };
done_testing;

sub check_one {
    my $lmtp = new_lmtp(@_);
    is($lmtp->is_tls, @_ > 2 ? 1 : 0, 'TLS or not');
    for my $message (messages()) {
        my $before = stored('alice');
        ok(send_message($lmtp, $message->{text}, 'alice@example.org'), $message->{name});
        results_are([ $lmtp->data_results ], [ saved('alice') ], '  its result');
        is_stored('alice', $before, $message);
    }
    ok($lmtp->quit, 'quit');
}

sub check_three {
    my $lmtp = new_lmtp(@_);
    for my $message (messages()) {
        my %before = map { $_ => stored($_) } qw(alice bob);
        ok(send_message($lmtp, $message->{text}, map {"$_\@example.org"} qw(alice nobody-here bob)),
            $message->{name});
        results_are([ $lmtp->data_results ], [ saved('alice'), saved('bob') ], '  the accepted ones');
        results_are([ $lmtp->results ],
            [ saved('alice'), [ 'nobody-here@example.org', 'failure', 550, 'rcpt', 0 ], saved('bob') ],
            '  all of them');
        is(($lmtp->results)[1]->enhanced, '5.1.1', '  why the unknown one was refused');
        is_stored($_, $before{$_}, $message) for qw(alice bob);
    }
    ok($lmtp->quit, 'quit');
}

sub check_bdat {
    my $lmtp = new_lmtp(@_);
    ok(defined $lmtp->supports('CHUNKING'), 'CHUNKING is offered');
    for my $message (messages()) {
        my %before = map { $_ => stored($_) } qw(alice bob);
        (my $wire = $message->{text}) =~ s/\n/\r\n/g;
        my $half = int(length($wire) / 2);
        ok($lmtp->mail('sender@example.org'), $message->{name});
        ok($lmtp->recipient('alice@example.org', 'bob@example.org'), '  recipients');
        ok($lmtp->bdat(substr $wire, 0, $half), '  bdat');
        ok($lmtp->bdatlast(substr $wire, $half), '  bdatlast');
        results_are([ $lmtp->data_results ], [ saved('alice'), saved('bob') ], '  its results');
        is_stored($_, $before{$_}, $message) for qw(alice bob);
    }
    ok($lmtp->quit, 'quit');
}

sub check_deliveries {
    my $lmtp = new_lmtp(@_);
    my @messages = messages();
    for my $to ([qw(alice)], [qw(alice bob)]) {
        my %before = map { $_ => stored($_) } @$to;
        $lmtp->submit(From => 'sender@example.org', To => [ map {"$_\@example.org"} @$to ], Data => $_->{text}) for @messages;
        my @done;
        while (my $done = $lmtp->collect) { push @done, $done->is_success ? 1 : 0 }
        is("@done", join(' ', (1) x @messages), "all are accepted for @$to");
        for my $user (@$to) {
            my @new = grep { !$before{$user}{$_} } keys %{ stored($user) };
            is_deeply([ sort map { text_of($_) } @new ], [ sort map { $_->{text} } @messages ], "... and stored for $user, byte for byte");
        }
    }
    ok($lmtp->quit, 'quit');
}

# From where it is, as a chunk that is not the last, and BDAT 0 LAST behind its reply.
sub check_file {
    my $lmtp = new_lmtp(@_);
    my ($large) = grep { $_->{name} eq 'large' } messages();
    (my $wire = $large->{text}) =~ s/\n/\r\n/g;
    write_file("$dir/large.eml", $wire);
    for my $round (1 .. 3) {
        my %before = map { $_ => stored($_) } qw(alice bob);
        my @results = $lmtp->deliver(
            From => 'sender@example.org',
            To   => [ map {"$_\@example.org"} qw(alice nobody-here bob) ],
            File => "$dir/large.eml",
        );
        results_are(\@results, [ saved('alice'), [ 'nobody-here@example.org', 'failure', 550, 'rcpt', 0 ], saved('bob') ], "results, $round");
        is_stored($_, $before{$_}, $large) for qw(alice bob);
    }
    ok($lmtp->quit, 'quit');
}

# The client whose address Dovecot has in Received of alice's new message.
sub received_from {
    my ($before) = @_;
    my ($new) = grep { !$before->{$_} } keys %{ stored('alice') };
    return RealServer::slurp($new) =~ /^Received: from \S+ \(\[([^\]]+)\]/m ? $1 : undef;
}

sub is_received_from {
    my ($lmtp, $client) = @_;
    my $before = stored('alice');
    results_are([ $lmtp->deliver(From => 'sender@example.org', To => ['alice@example.org'], Data => "Subject: x\n\nx\n") ],
        [ saved('alice') ], '  mail goes');
    is(received_from($before), $client, '  from the other client');
    ok($lmtp->quit, '  quit');
    return;
}

sub check_xclient {
    my (@where) = @_;
    for my $how ('new', 'xclient') {
        my %attributes = (ADDR => '192.0.2.7', PORT => 1234, HELO => 'proxied.example.org');
        my $lmtp = Net::LMTP->new(@where, Hello => 'client.example.org', Timeout => 30, $how eq 'new' ? (XClient => \%attributes) : ());
        ok($lmtp, "by $how") or diag($@), next;
        ok($lmtp->xclient(%attributes), '  taken') or diag($lmtp->message) if $how ne 'new';
        is_received_from($lmtp, '192.0.2.7');
    }
    return;
}

sub check_proxy {
    my (@where) = @_;
    for my $version (1, 2) {
        my $lmtp = Net::LMTP->new(@where, Timeout => 30, ProxyProtocol => { Version => $version, SourceAddr => '192.0.2.8', SourcePort => 1234 });
        ok($lmtp, "version $version") or diag($@), next;
        is_received_from($lmtp, '192.0.2.8');
    }
    is(Net::LMTP->new(@where, Timeout => 30), undef, 'without the header there is no greeting');
    return;
}

# ORCPT is taken though it is not offered. XRCPTFORWARD is xtext: what is none is refused.
sub check_parameters {
    my $lmtp = new_lmtp(@_);
    is(scalar $lmtp->supports('DSN'), undef, 'DSN is not offered');
    my %parameters = (XRcptForward => { place => "a b\tc=+d" }, Params => { ORCPT => 'rfc822;ann@example.net' });
    results_are([ $lmtp->deliver(From => 'sender@example.org', To => [ [ 'alice@example.org', \%parameters ] ], Data => "x\n") ],
        [ saved('alice') ], 'XRCPTFORWARD and ORCPT');
    ok($lmtp->mail('sender@example.org'), 'MAIL');
    ok($lmtp->recipient('alice@example.org', Params => { XRCPTFORWARD => 'a+3D1' }), 'XRCPTFORWARD') or diag($lmtp->message);
    ok(!$lmtp->recipient('alice@example.org', Params => { XRCPTFORWARD => 'a+z' }), '... that is no xtext');
    like(scalar $lmtp->message, qr/xtext/, '... why not');
    ok($lmtp->quit, 'quit');
    return;
}

sub saved { return [ "$_[0]\@example.org", 'success', 250, 'final', 0 ] }

# The names of a user's messages. Dovecot has them in place before it replies.
sub stored {
    my ($user) = @_;
    return { map { $_ => 1 } glob "$dir/mail/$user/new/*" };
}

# Without what Dovecot puts on top: Return-Path, Delivered-To and Received with its further lines.
sub text_of {
    my ($file) = @_;
    my $text = RealServer::slurp($file);
    1 while $text =~ s/\A(?:Return-Path|Delivered-To|Received):[^\n]*\n(?:[ \t][^\n]*\n)*//;
    return $text;
}

sub is_stored {
    my ($user, $before, $message) = @_;
    my @new = grep { !$before->{$_} } keys %{ stored($user) };
    is(scalar @new, 1, "  one new message for $user") or return;
    my $text = text_of($new[0]);
    ok($text eq $message->{text}, "  and it is the one that was sent, byte for byte")
        or diag(sprintf 'sent %d bytes, stored %d', length $message->{text}, length $text);
    return;
}

sub make_files {
    for my $folder ("$dir/mail", "$dir/home") {
        mkdir $folder or die "$folder: $!";
        chown $uid, $gid, $folder or die "$folder: $!";
    }
    write_file("$dir/users",
        join '', map { join(':', $_, '{PLAIN}secret', $uid, $gid, '', "$dir/home/$_", '', '') . "\n" } qw(alice bob));
}

sub configuration {
    my ($port) = @_;
    return <<"CONF";
base_dir = $dir/run
state_dir = $dir/run
log_path = $dir/dovecot.log
protocols = lmtp
listen = 127.0.0.1
ssl = yes
ssl_cert = <$tls->{SSL_cert_file}
ssl_key = <$tls->{SSL_key_file}
first_valid_uid = 1
mail_location = maildir:$dir/mail/%n
auth_username_format = %n
login_trusted_networks = 127.0.0.1
haproxy_trusted_networks = 127.0.0.1
haproxy_timeout = 2s
postmaster_address = postmaster\@example.org
hostname = server.example.org
service lmtp {
  inet_listener lmtp {
    address = 127.0.0.1
    port = $port
  }
  inet_listener lmtps {
    address = 127.0.0.1
    port = $secure_port
    ssl = yes
  }
  inet_listener proxied {
    address = 127.0.0.1
    port = $proxied_port
    haproxy = yes
  }
  inet_listener proxieds {
    address = 127.0.0.1
    port = $proxied_secure_port
    haproxy = yes
    ssl = yes
  }
  unix_listener lmtp {
    mode = 0666
  }
}
passdb {
  driver = passwd-file
  args = $dir/users
}
userdb {
  driver = passwd-file
  args = $dir/users
}
CONF
}

sub write_file {
    my ($file, $text) = @_;
    open my $fh, '>:raw', $file or die "$file: $!";
    print {$fh} $text;
    close $fh or die "$file: $!";
}
