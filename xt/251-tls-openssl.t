# openssl's own s_server in the server's place: it asks for new keys and sends tickets in the middle of a message, and has the certificates and
# versions that are not to be taken.

use strict;
use warnings;

use IPC::Open2 qw(open2);
use POSIX ();
use Test::More;

use lib qw(t/lib xt/lib);
use RealServer;

BEGIN { RealServer->need('openssl', 'IO::Socket::SSL') }

use Net::LMTP;
use TLSTest;

my $body = join '', map {"line $_ of a message that takes a while\n"} 1 .. 100_000;
my @running;

# Its pid, and the port.
sub started {
    my ($kind, @option) = @_;
    my $own = tls_of($kind);
    my $port = RealServer->free_port;
    my $pid = open2(my $out, my $in, RealServer->program('openssl'), 's_server', '-accept', "127.0.0.1:$port", '-cert', $own->{SSL_cert_file},
        '-key', $own->{SSL_key_file}, '-crlf', '-naccept', 1, @option);
    push @running, $pid;
    my $said = '';
    while ($said !~ /^ACCEPT$/m) { sysread $out, $said, 1000, length $said or die "openssl: $said" }
    return ($port, $in, $out);
}

END {
    local $?;
    kill KILL => @running;
    waitpid $_, 0 for @running;
}

# s_server asks for a new handshake.
sub renew {
    my ($in, $out) = @_;
    my $said = '';
    syswrite $in, "r\n";
    while ($said !~ /SSL_do_handshake/) { sysread $out, $said, 1000, length $said or return }
    return;
}

# Plays the server by what s_server shows of the client, in a child of its own. `keys` are what s_server is told in the middle of the message;
# with TLS 1.2 there is a new handshake in front of the last reply, which the client only waits for.
sub played {
    my ($in, $out, $is_old, @keys) = @_;
    defined(my $pid = fork) or die "fork: $!";
    return $pid if $pid;
    my ($seen, $length) = ('', 0);
    my @answers = (
        [ qr/^LHLO .*\n/m, "250 me\n" ],
        [ qr/^MAIL .*\n/m, "250 ok\n" ], [ qr/^RCPT .*\n/m, "250 ok\n" ], [ qr/^DATA\s*\n/m, "354 go\n" ],
    );
    syswrite $in, "220 me\n";
    while (sysread $out, my $bytes, 65536) {
        $length += length $bytes;
        $seen = substr $seen . $bytes, -2000;
        if (@answers) {
            syswrite $in, (shift @answers)->[1] if $seen =~ $answers[0][0];
        }
        elsif (@keys and $length > 100_000) {
            syswrite $in, (shift @keys) . "\n";
            $length = 0;
        }
        elsif ($seen =~ /^\.\r?\n/m) {
            renew($in, $out) if $is_old;
            syswrite $in, "250 has it\n";
            last;
        }
    }
    sleep 1;
    POSIX::_exit(@keys ? 1 : 0);
}

for my $case (
    [ 'TLS 1.3, new keys in the middle of a message', [ '-tls1_3', '-num_tickets', 4 ], qw(k K k K) ],
    [ 'TLS 1.3',                                      [ '-tls1_3' ] ],
    [ 'TLS 1.2',                                      [ '-tls1_2' ] ],
) {
    my ($name, $option, @keys) = @$case;
    my ($port, $in, $out) = started('good', @$option);
    my $pid = played($in, $out, $name =~ /1\.2/ ? 1 : 0, @keys);
    my $lmtp = Net::LMTP->new('127.0.0.1', $port, SSL => 1, trusting(), Hello => 'me', Timeout => 30);
    ok($lmtp, $name) or diag($@);
    like($lmtp->get_sslversion, $name =~ /1\.3/ ? qr/1_3/ : qr/1_2/, '... the version');
    my $ok = $lmtp->mail('a@x') && $lmtp->to('b@x') && $lmtp->data;
    for my $piece ($body =~ /(.{1,50000})/gs) { $ok &&= $lmtp->datasend($piece) }
    ok($ok && $lmtp->dataend, '... a message of ' . length($body) . ' octets') or diag($lmtp->message);
    waitpid $pid, 0;
    is($?, 0, '... and new keys as often as that was asked for') if @keys;
}

for my $case (
    [ 'good',    ['-tls1_1', '-cipher', 'ALL:@SECLEVEL=0'], qr/protocol|version/ ],
    [ 'expired', [], qr/certificate has expired/ ],
    [ 'self',    [], qr/self.signed/ ],
    [ 'named',   [], qr/hostname verification failed/ ],
    [ 'good',    [ '-Verify', 1, '-verify_return_error' ], qr/certificate required/ ],
) {
    my ($kind, $option, $words) = @$case;
    my ($port, $in, $out) = started($kind, @$option);
    my $lmtp = Net::LMTP->new('127.0.0.1', $port, SSL => 1, trusting(), Timeout => 10);
    my $error = $@;
    ok(!$lmtp, "a server that is $kind, @$option: new fails");
    like($error, $words, '... $@ says why');
}

done_testing;
