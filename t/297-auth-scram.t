# AUTH by SCRAM (RFC 5802, RFC 7677): what the client says, and that it believes no server that has not shown that it knows the password.

use strict;
use warnings;

use Digest::SHA qw(hmac_sha1 hmac_sha256 hmac_sha512 sha1 sha256 sha512);
use MIME::Base64 qw(decode_base64 encode_base64);
use Test::More;

use lib 't/lib';
use LMTPTest;
use ScriptedServer;

plan skip_all => 'Authen::SCRAM::Client is not installed' if !eval { my $module = 'Authen/SCRAM/Client.pm'; require $module };

use constant PASSWORD => 'S3cret';

my %hmac = ('SHA-1' => \&hmac_sha1, 'SHA-256' => \&hmac_sha256, 'SHA-512' => \&hmac_sha512);
my %hash = ('SHA-1' => \&sha1,      'SHA-256' => \&sha256,      'SHA-512' => \&sha512);

sub b64 { return encode_base64($_[0], '') }

# RFC 5802 2.2: Hi(), of one block.
sub salted {
    my ($hmac, $password, $salt, $iterations) = @_;
    my $last = my $sum = $hmac->($salt . pack('N', 1), $password);
    for (2 .. $iterations) { $sum ^= $last = $hmac->($last, $password) }
    return $sum;
}

# A server; `first` and `final` are given its messages and return what it says in place of them, `end` is its last reply.
sub server {
    my (%how) = @_;
    return sub {
        my ($peer) = @_;
        $peer->reply('220 server.example LMTP');
        while (defined(my $line = $peer->line)) {
            if    ($line =~ /^AUTH SCRAM-(\S+) (\S+)$/) { exchange($peer, $1, decode_base64($2), %how) }
            elsif ($line =~ /^AUTH/)                    { $peer->reply('504 not this one') }
            elsif ($line =~ /^LHLO/)                    { $peer->reply('250-server.example', "250 AUTH $how{offers}") }
            else                                        { $peer->reply('250 ok') }
        }
    };
}

sub exchange {
    my ($peer, $digest, $initial, %how) = @_;
    my ($hmac, $hash) = ($hmac{$digest}, $hash{$digest});
    my ($bare, $user, $nonce) = $initial =~ /\An,,(n=([^,]+),r=([!-+\--~]+))\z/ or return $peer->reply('535 the first message is wrong');
    my $iterations = $how{iterations} || 4096;
    my $first = "r=${nonce}abc,s=" . b64('salt') . ",i=$iterations";
    $first = $how{first}->($first) if $how{first};
    $peer->reply('334 ' . b64($first));
    my $final = $peer->line;
    return $peer->reply('501 5.7.0 given up') if !defined $final || $final eq '*';
    my ($without, $proof) = decode_base64($final) =~ /\A(c=biws,r=\Q${nonce}abc\E),p=(.*)\z/ or return $peer->reply('535 the final message is wrong');
    my $salted = salted($hmac, $how{password} || PASSWORD, 'salt', $iterations);
    my $key = $hmac->('Client Key', $salted);
    my $message = "$bare,$first,$without";
    return $peer->reply('535 5.7.8 the proof is wrong') if !$how{believes} && decode_base64($proof) ne ($key ^ $hmac->($message, $hash->($key)));
    my $signature = 'v=' . b64($hmac->($message, $hmac->('Server Key', $salted)));
    $signature = $how{final}->($signature) if $how{final};
    if (defined $signature) {
        $peer->reply('334 ' . b64($signature));
        my $last = $peer->line;
        return $peer->reply('501 5.7.0 given up') if !defined $last || $last eq '*';
    }
    $peer->reply($how{end} || '235 2.7.0 in');
    return;
}

sub changed {
    my ($from, $to) = @_;
    return sub { (my $text = $_[0]) =~ s/$from/$to/; return $text };
}

my $unknown = qr/the server's signature is wrong/;
my $none    = qr/not the first message of a server/;
my @cases = (
    (map { [ "SCRAM-$_", { offers => "PLAIN SCRAM-$_" }, 235 ] } sort keys %hmac),
    [ 'the best of those that are offered', { offers => 'SCRAM-SHA-1 SCRAM-SHA-256 PLAIN SCRAM-SHA-512' }, 235, qr/^AUTH SCRAM-SHA-512 /m ],
    [ 'more iterations',          { iterations => 5000 }, 235 ],
    [ 'extensions behind',        { first => sub { "$_[0],x=y" }, final => sub { "$_[0],x=y" } }, 235 ],
    [ 'another password',         { password => 'other' }, 535, undef, qr/\A5\.7\.8 the proof is wrong\n\z/ ],

    # No success without a proof.
    [ 'who does not know it, says 235',     { password => 'other', believes => 1 }, 501, undef, $unknown ],
    [ 'no signature, 235',                  { final => sub { undef } }, 501, undef, qr/has not proved/, 1 ],
    [ '235 at once',                        { offers => 'SCRAM-SHA-256', first => sub { '' }, end => '235 in' }, 501, undef, $none ],
    [ 'an empty signature',                 { final => sub { '' } }, 501, undef, $unknown ],
    [ 'half of it',                         { final => sub { substr $_[0], 0, 20 } }, 501, undef, $unknown ],
    [ 'one that is not at the start',       { final => sub { "x=y,$_[0]" } }, 501, undef, $unknown ],
    [ 'an error, then 235',                 { final => sub { 'e=other-error' } }, 501, undef, qr/the server says 'other-error'/ ],
    [ 'a signature, then a refusal',        { end => '535 5.7.8 no, for all that' }, 535, undef, qr/for all that/ ],
    [ 'a signature, then a deferral',       { end => '454 4.7.0 later' }, 454, undef, qr/later/ ],

    # First messages.
    [ '4095 iterations',          { iterations => 4095 }, 501, undef, qr/4095 iterations are asked for/ ],
    [ 'none',                     { first => changed(qr/i=.*/, 'i=0') }, 501, undef, $none ],
    [ 'too many for the time',    { first => changed(qr/i=.*/, 'i=300001') }, 501, undef, qr/300001 iterations are asked for, and 4096 to 300000 are/, 0, Timeout => 3 ],
    [ 'too many',                 { first => changed(qr/i=.*/, 'i=1000001') }, 501, undef, qr/1000001 iterations/ ],
    [ 'far too many',             { first => changed(qr/i=.*/, 'i=99999999999') }, 501, undef, $none ],
    [ 'no number',                { first => changed(qr/i=.*/, 'i=4096x') }, 501, undef, $none ],
    [ 'another nonce',            { first => changed(qr/r=.*?,/, 'r=mine,') }, 501, undef, qr/nonce/ ],
    [ 'the nonce as it was',      { first => changed(qr/abc,/, ',') }, 501, undef, qr/nonce/ ],
    [ 'a mandatory extension',    { first => sub { "m=x,$_[0]" } }, 501, undef, $none ],
    [ 'something in front',       { first => sub { "x=y,$_[0]" } }, 501, undef, $none ],
    [ 'no salt',                  { first => changed(qr/s=.*?,/, 's=,') }, 501, undef, $none ],
    [ 'another order',            { first => sub { join ',', reverse split /,/, $_[0] } }, 501, undef, $none ],
    [ 'octets of no text',        { first => sub { "\xff\xfe\0" } }, 501, undef, $none ],
);
for my $case (@cases) {
    my ($name, $how, $code, $wire, $message, $closes, @option) = @$case;
    my $server = ScriptedServer->new(script => server(offers => 'PLAIN LOGIN SCRAM-SHA-256', %$how));
    my $lmtp = connect_to($server, @option);
    my @warnings = warnings_of { is($lmtp->auth('ann', PASSWORD), $code == 235 ? 1 : 0, $name) or diag $lmtp->message };
    is($lmtp->code, $code, '... the code');
    like($lmtp->message, $message, '... the words') if $message;
    like(wire($server), $wire, '... on the wire') if $wire;
    unlike(wire($server), qr/^AUTH (?:PLAIN|LOGIN)/m, '... no mechanism that shows the password follows');
    is($lmtp->opened ? 1 : 0, $closes ? 0 : 1, '... the link');
    is_deeply(\@warnings, [], '... no warning');
}

# A user and a password with characters of their own, and those that there must not be.
{
    my $server = ScriptedServer->new(script => server(offers => 'SCRAM-SHA-256', password => "p\xc3\xa4ss"));
    my $lmtp = connect_to($server);
    ok($lmtp->auth('ann', "p\x{e4}ss"), 'a password in characters') or diag $lmtp->message;
    $lmtp = connect_to($server);
    ok($lmtp->auth('ann', "p\xc3\xa4ss"), 'the same in octets') or diag $lmtp->message;
    $lmtp = connect_to($server);
    is($lmtp->auth('ann', "S3cret\x07"), 0, 'a password that is none');
    is($lmtp->message, "SCRAM-SHA-256: the user or the password has characters that it must not have (RFC 4013)\n", '... says why, but not what');
    $lmtp = connect_to($server);
    ok(!Net::LMTP->new($server->args, User => 'ann', Password => PASSWORD), 'new with another password');
    like($@, qr/\ANet::LMTP: AUTH: 535 5\.7\.8 the proof is wrong/, '... says why');
}

# An Authen::SASL's callbacks count, for SCRAM as well.
{
    package Authen::SASL;
    sub new { my ($class, %arg) = @_; return bless {%arg}, $class }
    sub mechanism { $_[0]{mechanism} }
    sub callback { $_[0]{callback}{ $_[1] } }
}
for my $pass (PASSWORD, sub { PASSWORD }, [ sub { "S3$_[1]" }, 'cret' ]) {
    my $server = ScriptedServer->new(script => server(offers => 'PLAIN SCRAM-SHA-256'));
    my $lmtp = connect_to($server);
    my $sasl = Authen::SASL->new(mechanism => 'SCRAM-SHA-256', callback => { user => 'ann', pass => $pass });
    ok($lmtp->auth($sasl), 'an Authen::SASL whose password is ' . (ref $pass || 'a string')) or diag $lmtp->message;
}
done_testing;
