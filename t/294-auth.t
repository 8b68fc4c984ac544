# AUTH: the exchange on the wire, which mechanism is tried, and what the caller is told.

use strict;
use warnings;

use Digest::SHA ();
use MIME::Base64 qw(decode_base64 encode_base64);
use Test::More;

use lib 't/lib';
use LMTPTest;
use ScriptedServer;

use Mail::Wire::AUTH;

sub b64 { return encode_base64($_[0], '') }

my @again  = (expect => qr/^LHLO client\.example$/, reply => [ '250-server.example', '250 SIZE 10' ]);
my @login  = (User => 'ann', Password => 'secret');
my @bearer = (User => 'ann', Token => 'aaa.bbb');
my $plain  = b64("\0ann\0secret");
my $json   = '{"status":"invalid_token","scope":"mail"}';
my $long   = 'x' x 400;

sub oauth {
    my ($token) = @_;
    return b64("user=ann\1auth=Bearer $token\1\1");
}

# What new is given, what AUTH offers, the dialogue; code and message, undef: it goes well.
my @cases = (
    [ 'PLAIN',                      [@login], 'PLAIN LOGIN', [ expect => "AUTH PLAIN $plain", reply => '235 2.7.0 in', @again ] ],
    [ 'a long initial response',    [ User => 'ann', Password => $long ], 'PLAIN',
        [ expect => 'AUTH PLAIN', reply => '334 ', expect => b64("\0ann\0$long"), reply => '235 in', @again ] ],
    [ 'an empty challenge: 334',    [ User => 'ann', Password => $long ], 'PLAIN',
        [ expect => 'AUTH PLAIN', reply => '334', expect => b64("\0ann\0$long"), reply => '235 in', @again ] ],
    [ 'characters are UTF-8',       [ User => "\x{e9}", Password => "\x{20ac}" ], 'PLAIN',
        [ expect => 'AUTH PLAIN ' . b64("\0\xc3\xa9\0\xe2\x82\xac"), reply => '235 in', @again ] ],
    [ 'octets of UTF-8 stay',       [ User => "\xc3\xa9", Password => "\xe2\x82\xac" ], 'PLAIN',
        [ expect => 'AUTH PLAIN ' . b64("\0\xc3\xa9\0\xe2\x82\xac"), reply => '235 in', @again ] ],
    [ 'LOGIN',                      [@login], 'LOGIN',
        [ expect => 'AUTH LOGIN', reply => '334 VXNlcm5hbWU6', expect => b64('ann'), reply => '334 UGFzc3dvcmQ6', expect => b64('secret'), reply => '235 in', @again ] ],
    [ 'LOGIN, whatever it is asked',[@login], 'LOGIN',
        [ expect => 'AUTH LOGIN', reply => '334 Username:', expect => b64('ann'), reply => '334', expect => b64('secret'), reply => '235 in', @again ] ],
    [ 'EXTERNAL, when asked for',   [ Mechanisms => 'EXTERNAL' ], 'PLAIN EXTERNAL', [ expect => 'AUTH EXTERNAL =', reply => '235 in', @again ] ],
    [ 'EXTERNAL for another',       [ Mechanisms => ['external'], User => 'ann' ], 'EXTERNAL', [ expect => 'AUTH EXTERNAL YW5u', reply => '235 in', @again ] ],
    [ 'EXTERNAL, not asked for',    [@login], 'EXTERNAL PLAIN', [ expect => "AUTH PLAIN $plain", reply => '235 in', @again ] ],
    [ 'XOAUTH2',                    [@bearer], 'PLAIN XOAUTH2', [ expect => 'AUTH XOAUTH2 ' . oauth('aaa.bbb'), reply => '235 in', @again ] ],
    [ 'a token of 9,000 octets',    [ User => 'ann', Token => 't' x 9000 ], 'XOAUTH2',
        [ expect => 'AUTH XOAUTH2', reply => '334 ', expect => oauth('t' x 9000), reply => '235 in', @again ] ],
    [ 'too long for any line',      [ User => 'ann', Token => 't' x 9300 ], 'XOAUTH2',
        [ expect => 'AUTH XOAUTH2', reply => '334 ', expect => '*', reply => '501 given up' ], 501, qr/\AXOAUTH2: the answer is too long\n\z/ ],
    [ 'XOAUTH2, refused',           [@bearer], 'XOAUTH2',
        [ expect => qr/^AUTH XOAUTH2 /, reply => '334 ' . b64($json), expect => '', reply => '535 5.7.8 no' ], 535, qr/\A5\.7\.8 no\n\Q$json\E\n\z/ ],
    [ 'OAUTHBEARER, its user',     [ User => 'a=b,c', Token => 't' ], 'OAUTHBEARER',
        [ expect => qr/^AUTH OAUTHBEARER \Q${\ substr b64('n,a=a=3Db=2Cc,'), 0, 16 }\E/, reply => '235 in', @again ] ],
    [ 'OAUTHBEARER is better',      [@bearer], 'XOAUTH2 OAUTHBEARER',
        [ expect => qr/^AUTH OAUTHBEARER /, reply => '235 in', @again ] ],
    [ 'OAUTHBEARER, refused',       [@bearer], 'OAUTHBEARER',
        [ expect => qr/^AUTH OAUTHBEARER /, reply => '334 ' . b64($json), expect => 'AQ==', reply => '535 no' ], 535, qr/\Ano\n\Q$json\E\n\z/ ],
    [ 'refused twice',              [@bearer], 'OAUTHBEARER',
        [ expect => qr/^AUTH /, (reply => '334 ' . b64($json), expect => 'AQ==') , reply => '334 ', expect => '*', reply => '501 no' ], 501, qr/more than there is/ ],
    [ 'a long challenge',           [@bearer], 'XOAUTH2',
        [ expect => qr/^AUTH /, reply => '334 ' . ('A' x 12288), expect => '', reply => '535 no' ], 535, qr/\Ano\n(?:\\x00){1000}\n\z/ ],

    # The next mechanism, or none.
    [ '504: the next',              [@login], 'PLAIN LOGIN',
        [ expect => qr/^AUTH PLAIN /, reply => '504 no', expect => 'AUTH LOGIN', reply => '334 ', expect => b64('ann'), reply => '334 ', expect => b64('secret'), reply => '235 in', @again ] ],
    [ '534: the next',              [@login], 'PLAIN LOGIN',
        [ expect => qr/^AUTH PLAIN /, reply => '534 weak', expect => 'AUTH LOGIN', reply => '534 weak too' ], 534, qr/\Aweak too\n\z/ ],
    [ 'the order that is given',    [ @login, Mechanisms => 'LOGIN PLAIN' ], 'PLAIN LOGIN',
        [ expect => 'AUTH LOGIN', reply => '504 no', expect => qr/^AUTH PLAIN /, reply => '235 in', @again ] ],
    [ '432: PLAIN',                 [ @login, Mechanisms => [qw(LOGIN EXTERNAL PLAIN)] ], 'EXTERNAL PLAIN LOGIN',
        [ expect => 'AUTH LOGIN', reply => '432 4.7.12 transition', expect => qr/^AUTH PLAIN /, reply => '235 in', @again ] ],
    [ '432, and no PLAIN',          [@login], 'LOGIN', [ expect => 'AUTH LOGIN', reply => '432 4.7.12 transition' ], 432, qr/\A4\.7\.12 transition\n\z/ ],
    (map { [ "$_: none", [@login], 'PLAIN LOGIN', [ expect => qr/^AUTH PLAIN /, reply => "$_ no" ], $_, qr/\Ano\n\z/ ] } 454, 500, 501, 530, 535, 538),

    # Nothing in common.
    [ 'not offered',                [@login], undef, [], 500, qr/\ACommand unknown: 'AUTH'\n?\z/ ],
    [ 'no mechanism is offered',    [@login], '', [], 504, qr/No mechanism in common/ ],
    [ 'none in common',             [@login], 'GSSAPI NTLM', [], 504, qr/the server offers 'GSSAPI NTLM'/ ],
    [ 'none for a token',           [@bearer], 'PLAIN', [], 504, qr/No mechanism in common/ ],
    [ 'CRAM-MD5 only by name',      [@login], 'CRAM-MD5 DIGEST-MD5', [], 504, qr/No mechanism in common/ ],

    # Challenges that are none.
    [ 'PLAIN is asked for more',    [@login], 'PLAIN', [ expect => qr/^AUTH PLAIN /, reply => '334 ', expect => '*', reply => '501 given up' ], 501, qr/\APLAIN: the server asks for more/ ],
    [ 'LOGIN is asked for more',    [@login], 'LOGIN',
        [ expect => 'AUTH LOGIN', (map { (reply => '334 ', expect => $_) } b64('ann'), b64('secret'), '*'), reply => '501 no' ], 501, qr/\ALOGIN: the server asks for more/ ],
    (map { [ "challenge '$_'", [@bearer], 'XOAUTH2', [ expect => qr/^AUTH /, reply => "334 $_", expect => '*', reply => '501 no' ], 501, qr/not in base64/ ] }
        'A', 'AAA', '=AAA', 'AAA=AAA=', 'AAAA AAAA', 'AA-_', 'no base64'),
    [ 'several lines',              [@bearer], 'XOAUTH2', [ expect => qr/^AUTH /, reply => [ '334-AAAA', '334 AAAA' ], expect => '*', reply => '501 no' ], 501, qr/no challenge/ ],
    [ 'reply 354',                      [@bearer], 'XOAUTH2', [ expect => qr/^AUTH /, reply => '354 AAAA', expect => '*', reply => '501 no' ], 501, qr/354 is no challenge/ ],
    [ 'the server speaks first',    [ User => 'ann', Password => $long ], 'PLAIN',
        [ expect => 'AUTH PLAIN', reply => '334 AAAA', expect => '*', reply => '501 no' ], 501, qr/the server speaks first/ ],
);

for my $case (@cases) {
    my ($name, $options, $offered, $dialogue, $code, $message) = @$case;
    my @offered = defined $offered ? (length $offered ? "AUTH $offered" : 'AUTH') : ();
    subtest $name => sub {
        my $server = ScriptedServer->new(script => [ hello_script(@offered), @$dialogue, expect => 'NOOP', reply => '250 ok' ]);
        my ($lmtp, @warnings);
        {
            local $@ = 'as it was';
            @warnings = warnings_of { $lmtp = Net::LMTP->new($server->args, Hello => 'client.example', @$options) };
            is($@, 'as it was', 'new leaves $@') if !defined $code;
            like($@, qr/\ANet::LMTP: AUTH: $code /, 'new says why') if defined $code;
        }
        is(defined $lmtp ? 1 : 0, defined $code ? 0 : 1, 'new');
        is_deeply([ $server->problems ], [], 'the dialogue');
        is_deeply(\@warnings, [], 'no warning');

        # The same by a call.
        my %option = @$options;
        my ($user, $password) = delete @option{qw(User Password)};
        $server = ScriptedServer->new(script => [ hello_script(@offered), @$dialogue, expect => 'NOOP', reply => '250 ok' ]);
        $lmtp = connect_to($server);
        my $ok = $lmtp->auth($user, defined $password || !%option ? $password : (), %option);
        is($ok, defined $code ? 0 : 1, 'auth') or diag($lmtp->code, ' ', scalar $lmtp->message);
        is($lmtp->code, defined $code ? $code : 235, 'its code');
        like($lmtp->message, $message || qr/\A(?:2\.7\.0 )?in\n\z/, 'its message');
        is($lmtp->supports('SIZE'), defined $code ? undef : 10, 'what the second LHLO offers');
        ok($lmtp->_NOOP, 'the link goes on') or diag($lmtp->message);
        is_deeply([ $server->problems ], [], 'the dialogue');
    };
}

done_testing;
