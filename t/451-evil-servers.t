# Servers of other protocols, and such that break off: new says what came, at which step, and what that looks like; $! is of this call.

use strict;
use warnings;

use Errno qw(ECONNRESET EINVAL ENOENT ETIMEDOUT);
use Test::More;

use lib 't/lib';
use LMTPTest;
use Mail::Wire;
use Net::LMTP;
use ScriptedServer;

my @hello = (reply => '220 mail.example LMTP ready', expect => qr/^LHLO /);

for my $case (
    # name, what $@ says, $!, script
    [ 'SSH',  qr/greeting: 'SSH-2\.0-OpenSSH_9\.2' is no reply of an LMTP server; this looks like an SSH server/, undef,
        send => "SSH-2.0-OpenSSH_9.2\r\n", stall => undef ],
    [ 'HTTP', qr/greeting: 'HTTP\/1\.1 400 Bad Request' is .* an HTTP server/, undef, send => "HTTP/1.1 400 Bad Request\r\n\r\n", close => undef ],
    [ 'HTML', qr/greeting: '<html>' is .* an HTTP server/, undef, send => "<html>\n", close => undef ],
    [ 'IMAP', qr/greeting: '\* OK IMAP4rev1 ready' is .* an IMAP server/, undef, send => "* OK IMAP4rev1 ready\r\n", stall => undef ],
    [ 'POP3', qr/greeting: '\+OK ready' is .* a POP3 server/, undef, send => "+OK ready\r\n", stall => undef ],
    [ 'ManageSieve', qr/greeting: '"IMPLEMENTATION" "x"' is .* a ManageSieve server/, undef, send => qq{"IMPLEMENTATION" "x"\r\nOK\r\n}, stall => undef ],
    [ 'TLS',  qr/greeting: '\\x15\\x03\\x01.*' is .* TLS/, undef, send => "\x15\x03\x01\0\2\2\x0a", close => undef ],
    [ 'something', qr/greeting: 'hello there' is .* another protocol/, undef, send => "hello there\n", stall => undef ],
    [ 'a line of control characters', qr/greeting: '\\x1b\[2Jx\\x07' is /, undef, send => "\e[2Jx\a\n", stall => undef ],
    [ 'a long line', qr/greeting: 'y{200}\.\.\.' is /, undef, send => 'y' x 5000 . "\n", stall => undef ],
    [ 'half a line', qr/greeting: 'half' is .*; \[Net::LMTP\] Connection closed/, ECONNRESET, send => 'half', close => undef ],
    [ 'half a line, then nothing', qr/greeting: 'half' is .*; \[Net::LMTP\] Timeout/, ETIMEDOUT, send => 'half', stall => undef ],
    [ 'nothing', qr/greeting: 421 \[Net::LMTP\] Timeout; .*HTTP, QMTP, TLS/, ETIMEDOUT, stall => undef ],
    [ 'an end', qr/greeting: 421 \[Net::LMTP\] Connection closed/, ECONNRESET, close => undef ],
    [ 'a refusal', qr/greeting: 554 no service\z/, undef, reply => '554 no service' ],
    [ 'SMTP', qr/LHLO: 502 5\.5\.2 Error: command not recognized; this looks like an SMTP server, which does not know LHLO/, undef,
        reply => '220 mx.example ESMTP Postfix', expect => qr/^LHLO /, reply => '502 5.5.2 Error: command not recognized' ],
    [ 'SMTP with another code', qr/LHLO: 550 what\?; this looks like an SMTP server/, undef,
        reply => '220 mx.example SMTP', expect => qr/^LHLO /, reply => '550 what?' ],
    [ 'SMTP that does not say so', qr/LHLO: 500 unknown; this looks like an SMTP server, or another one, that does not know LHLO/, undef,
        reply => '220 mx.example', expect => qr/^LHLO /, reply => '500 unknown' ],
    [ 'FTP', qr/LHLO: 530 log in; this looks like an FTP server/, undef, reply => '220 FTP ready', expect => qr/^LHLO /, reply => '530 log in' ],
    [ 'LMTP that refuses', qr/LHLO: 550 not you\z/, undef, @hello, reply => '550 not you' ],
    [ 'LMTP that is busy', qr/LHLO: 421 later\z/, undef, @hello, reply => '421 later' ],
    [ 'LMTP that breaks off', qr/LHLO: 421 \[Net::LMTP\] Connection closed/, ECONNRESET, @hello, close => undef ],
    [ 'LMTP that says nothing', qr/LHLO: 421 \[Net::LMTP\] Timeout/, ETIMEDOUT, @hello, stall => undef ],
    [ 'LMTP and then junk', qr/LHLO: 'junk' is no reply/, undef, @hello, send => "junk\r\n", stall => undef ],
) {
    my ($name, $why, $errno, @script) = @$case;
    my $server = ScriptedServer->new(script => \@script);
    my @got;
    ($@, $!) = ("stale\n", ENOENT);
    my @warnings = warnings_of { @got = Net::LMTP->new($server->args, Hello => 'client.example', Timeout => $name =~ /nothing/ ? 0.3 : 20) };
    my ($reason, $number) = ($@, 0 + $!);
    is_deeply(\@got, [], "$name: a bare return");
    like($reason, qr/\ANet::LMTP: $why/, '... $@ says what came, and at which step');
    unlike($reason, qr/[\x00-\x1f\x7f]/, '... in one line that may be shown');
    ok($number != ENOENT && $number != 0, '... $! is not stale');
    is($number, $errno, '... but of what happened') if defined $errno;
    is_deeply(\@warnings, [], '... no warning');
}

# What cannot even be tried.
for my $case (
    [ 'no host', sub { Net::LMTP->new }, qr/no host/ ],
    [ 'no port', sub { Net::LMTP->new('127.0.0.1') }, qr/no port/ ],
    [ 'a bad option', sub { Net::LMTP->new('127.0.0.1', 24, Timeout => -1) }, qr/Timeout must be/ ],
    [ 'SSL', sub { Net::LMTP->new('127.0.0.1', 24, SSL => 1, StartTLS => 'require') }, qr/StartTLS/ ],
    [ 'a NUL', sub { Net::LMTP->new("127.0.0.1\0", 24) }, qr/NUL/ ],
    [ 'a bad URL', sub { Mail::Wire->connect('lmtp:x') }, qr/URL/ ],
) {
    my ($name, $code, $why) = @$case;
    my @got;
    ($@, $!) = ("stale\n", ENOENT);
    warnings_of { @got = $code->() };
    my ($reason, $number) = ($@, 0 + $!);
    is_deeply(\@got, [], "$name: a bare return");
    like($reason, $why, '... $@ says why');
    is($number, EINVAL, '... $! is EINVAL');
}

done_testing;
