# AUTH against servers that say anything: challenges and replies by chance, of a fixed seed. AUTH_FUZZ in the environment is the number of
# rounds, AUTH_SEED the first seed. A round that fails is run alone by its seed and one round.

use strict;
use warnings;

use lib qw(t/lib xt/lib);
use LMTPTest;
use MIME::Base64 'encode_base64';
use ScriptedServer;
use Test::More;

my $rounds = $ENV{AUTH_FUZZ} || 3000;
my $seed   = $ENV{AUTH_SEED} || 1;

my @mechanisms = qw(PLAIN LOGIN EXTERNAL XOAUTH2 OAUTHBEARER SCRAM-SHA-1 SCRAM-SHA-256 SCRAM-SHA-512 CRAM-MD5 DIGEST-MD5);
my %proves     = map { $_ => 1 } grep {/SCRAM|DIGEST/} @mechanisms;

sub one { return $_[ int rand @_ ] }

sub noise { return join '', map { chr int rand 256 } 1 .. int rand $_[0] }

sub is_rare { return rand($_[0]) < 1 }

# Challenges in the form of one mechanism or another, some of them bitten.
sub challenge {
    my ($line) = @_;
    my $nonce = defined $line && $line =~ /r=([^,]+)/ ? $1 : 'abc';
    my $text = one(
        '', 'Username:', '{"status":"invalid_token"}', '<1.2@server.example>', noise(40), noise(12000),
        "r=${nonce}xyz,s=" . encode_base64(noise(20), '') . ',i=' . one(0, 1, 4095, 4096, 4097, 1_000_001, 9_999_999_999, 'x'),
        'v=' . encode_base64(noise(40), ''), 'e=invalid-proof', 'rspauth=' . unpack('H*', noise(16)),
        'nonce="n",algorithm=md5-sess,qop="' . one('auth', 'auth-int', 'auth,auth-conf', '') . '",realm="r"' . one('', ',realm="s"', ',maxbuf=1'));
    substr $text, int rand length $text, int rand 3, noise(3) if length $text and is_rare(4);
    my $encoded = encode_base64($text, '');
    substr $encoded, int rand length $encoded, int rand 3, noise(3) if length $encoded and is_rare(10);
    $encoded =~ tr/\r\n//d;
    return $encoded;
}

# One reply, or what is none.
sub answer {
    my ($line) = @_;
    return one('334', '334 ') . "\r\n" if is_rare(8);
    return '334 ' . challenge($line) . "\r\n" if !is_rare(3);
    return one(map {"$_\r\n"} '235 2.7.0 in', '235 in', '250 ok', "334-YQ==\r\n334 YQ==", '354 go', '421 4.3.2 going', '432 4.7.12 transition',
        '454 later', '500 what', '501 no', '504 other', '530 no', '534 weak', '535 5.7.8 no', '538 no', '99 x', '', 'x' x 13000, noise(30));
}

my $server = ScriptedServer->new(script => do {
    my $round = 0;
    sub {
        my ($peer) = @_;
        srand($seed + $round++);
        $peer->reply('220 server.example LMTP');
        $peer->expect(qr/^LHLO/);
        $peer->reply('250-server.example', '250 AUTH ' . join ' ', grep { is_rare(2) } @mechanisms);
        while (defined(my $line = $peer->line)) {
            if    ($line eq 'NOOP')     { $peer->reply('250 it is NOOP') }
            elsif ($line =~ /^LHLO/)    { $peer->reply('250 server.example') }
            elsif ($line eq '*')        { $peer->reply(is_rare(10) ? '235 in' : '501 given up') }
            elsif (is_rare(30))         { return $peer->close }
            else                        { $peer->send(answer($line)) }
        }
    };
});

my ($successes, @wrong) = (0);
for my $round (0 .. $rounds - 1) {
    local $SIG{ALRM} = sub { die "it hangs\n" };
    local $SIG{__WARN__} = sub { push @wrong, "round $round warns: @_" };
    alarm 60;
    my $lmtp = connect_to($server, Timeout => 20);
    srand(-$seed - $round);
    my @own = grep { is_rare(2) } @mechanisms;
    my %option = is_rare(3) ? (Token => 'token') : (Password => 'secret');
    my $ok = eval { $lmtp->auth('ann', delete $option{Password}, %option, Mechanisms => \@own) };
    my $error = $@;
    my ($code, $open) = ($lmtp->code, $lmtp->opened);
    push @wrong, "round $round died: $error" if !defined $ok;
    my @lines = split /\r\n/, wire($server);
    my ($last) = map { (split / /)[1] } grep {/^AUTH /} reverse @lines;
    push @wrong, "round $round: $last without proof" if $ok and $proves{$last};
    push @wrong, "round $round: true, and $code" if $ok and $code !~ /^2/;
    push @wrong, "round $round: " . @lines . ' lines' if @lines > 20 * @own;
    my $goes_on = $open && ($lmtp->_NOOP || 1) && $lmtp->opened;
    push @wrong, "round $round: out of step, " . $lmtp->message if $goes_on and $lmtp->message !~ /it is NOOP/;
    $successes++ if $ok;
}
alarm 0;
is_deeply([ @wrong[ 0 .. (@wrong > 9 ? 9 : $#wrong) ] ], [], "$rounds rounds from seed $seed on");
cmp_ok($successes, '>', $rounds / 100, 'there are successes as well');
done_testing;
