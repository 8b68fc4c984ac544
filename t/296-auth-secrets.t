# The secrets of AUTH are nowhere to be seen, in plain or in base64, in either direction: not in what Debug and Trace show, not in messages, errors,
# warnings, results and the object. The servers here repeat whatever they are sent.

use strict;
use warnings;

use Data::Dumper;
use MIME::Base64 qw(decode_base64 encode_base64);
use Test::More;

use lib 't/lib';
use LMTPTest;
use ScriptedServer;

use constant { PASSWORD => 'S3cret&Password', TOKEN => 'ya29.S3cretToken-0123456789' };

my @password = (User => 'ann@example.org', Password => PASSWORD);
my @token    = (User => 'ann@example.org', Token => TOKEN);

# Each mechanism, and how many challenges it has at the most.
my @mechanisms = ([ PLAIN => 0, @password ], [ LOGIN => 2, @password ], [ XOAUTH2 => 1, @token ], [ OAUTHBEARER => 1, @token ],
    [ 'SCRAM-SHA-256' => 2, @password ], [ 'SCRAM-SHA-1' => 2, @password ], [ 'CRAM-MD5' => 1, @password ], [ 'DIGEST-MD5' => 2, @password ]);
my %module = (SCRAM => 'Authen/SCRAM/Client.pm', CRAM => 'Authen/SASL.pm', DIGEST => 'Authen/SASL.pm');

# What it says at the end; those that begin with 4 or 5 repeat the last line.
my @ends = ('235 2.7.0', '454 4.7.0', '432 4.7.12', '500 5.5.6', '504 5.5.4', '535 5.7.8', '534 5.7.9', '538 5.7.11', '530', '421 4.3.2', '', '99', '550 cut');

sub repeated {
    my ($line) = @_;
    my ($word) = $line =~ /(\S+)\z/ ? $1 : '';
    (my $plain = decode_base64($word)) =~ s/[^ -~]/ /g;
    return "$line $plain";
}

# All replies to AUTH after so many challenges are the end's.
sub echo {
    my ($mechanism, $challenges, $end) = @_;
    my $count = 0;
    return sub {
        my ($peer) = @_;
        $peer->reply('220 server.example LMTP');
        while (defined(my $line = $peer->line)) {
            my $more = $count++ <= $challenges && $line !~ /^(?:LHLO|MAIL|RCPT|DATA|RSET)\b/;
            if    ($line =~ /^LHLO/)                     { $count = 0; $peer->reply('250-server.example', "250 AUTH $mechanism") }
            elsif ($line =~ /^(?:MAIL|RCPT|DATA|RSET)\b/)  { $peer->reply('530 5.7.0 log in first') }
            elsif ($line eq '*')                         { $peer->reply('501 5.7.0 ' . PASSWORD . ' ' . TOKEN . ' given up') }
            elsif ($more && $count <= $challenges)       { $peer->reply('334 ' . encode_base64(repeated($line), '')) }
            elsif ($end eq '')                           { $peer->send('535 ' . repeated($line)); return $peer->close }
            elsif ($end =~ /cut/)                        { $peer->reply('550 unknown: ' . substr(PASSWORD, 0, 9) . ' ' . substr TOKEN, 0, 9) }
            else                                         { (my $first = $end) =~ s/ |$/-/; $peer->reply("$first " . repeated($line), "$end " . PASSWORD . ' ' . TOKEN) }
        }
    };
}

sub seen {
    my ($text, @sent) = @_;
    my @needles = (map({ ($_, substr($_, 0, 8), substr($_, -8)) } PASSWORD, TOKEN), map { (encode_base64($_, ''), substr encode_base64("ab$_", ''), 4, 8) } PASSWORD, TOKEN);
    return grep { index($text, $_) >= 0 } @needles, grep { length >= 8 } @sent;
}

for my $row (@mechanisms) {
    my ($mechanism, $most, @options) = @$row;
    my ($module) = map { $module{$_} } $mechanism =~ /\A(\w+)/;
    SKIP: {
        skip "$mechanism needs $module", 1 if defined $module && !eval { require $module; 1 };
        subtest $mechanism => sub {
            for my $challenges (0 .. $most + 1) {
                run($mechanism, $challenges, $_, @options) for @ends;
            }
        };
    }
}

# --- what a server may make of a password, and when ---

my $blob = encode_base64("\0ann\0" . PASSWORD, '');
my %made = (
    rest => substr(PASSWORD, 3), front => substr(PASSWORD, 0, 4), small => lc PASSWORD, base64 => encode_base64(PASSWORD, ''),
    shifted => encode_base64('ab' . PASSWORD, ''), hexadecimal => unpack('H*', PASSWORD), blob => $blob, words => join(' ', split //, PASSWORD),
    lines => substr(PASSWORD, 0, 3) . "\r\n535 5.7.8 " . substr(PASSWORD, 3),
);
for my $name (sort keys %made) {
    my ($lmtp) = session(keywords => ['AUTH PLAIN'], AUTH => "535-5.7.8 $made{$name}\r\n535 5.7.8 no");
    is($lmtp->auth(ann => PASSWORD), 0, "the server repeats the password: $name");
    is_deeply([ grep { $_ ne "5.7.8 (hidden)\n" } $lmtp->message ], [], '... nothing of it is seen');
}
{
    my ($lmtp) = session(keywords => ['AUTH PLAIN'], AUTH => '535 5.7.8 no such luck');
    $lmtp->auth(ann => PASSWORD);
    is($lmtp->message, "5.7.8 no such luck\n", 'other words are seen');
}
{
    my $server = ScriptedServer->new(script => [
        hello_script('AUTH PLAIN'), expect => qr/^AUTH/, reply => '235 ok', expect => qr/^LHLO/,
        reply => [ '250-server.example', '250-PIPELINING', '250-SIZE 1000', "250-XLAST $blob", '250 AUTH LOGIN ' . PASSWORD ],
    ]);
    my $lmtp = connect_to($server);
    is($lmtp->auth(ann => PASSWORD), 1, 'a server that offers the secret');
    is_deeply([ map { $lmtp->supports($_) } qw(PIPELINING SIZE XLAST AUTH) ], [ '', '1000', ('(hidden)') x 2 ], '... supports');
    is($lmtp->auth(ann => PASSWORD, Mechanisms => 'PLAIN'), 0, '... auth has no mechanism in common with it');
    is_deeply([ $lmtp->code, $lmtp->message ], [ 504, "(hidden)\n" ], '... which it says without what is offered');
}
{
    my $server = ScriptedServer->new(script => [ hello_script('AUTH LOGIN PLAIN'), (expect => qr/^AUTH/, reply => '504 no') x 2 ]);
    my $lmtp = connect_to($server);
    $lmtp->auth(ann => 'LOGIN PLAIN', Mechanisms => 'PLAIN') for 1, 2;
    is_deeply([ $server->problems ], [], 'a password of names of mechanisms hides none of them from auth');
}
SKIP: {
    skip 'Authen::SASL is missing', 2 if !eval { require Authen::SASL; 1 };
    my ($lmtp) = session(keywords => ['AUTH PLAIN'], AUTH => '535 5.7.8 not ' . PASSWORD);
    is($lmtp->auth(Authen::SASL->new(mechanism => 'PLAIN', callback => { user => 'ann', pass => PASSWORD, authname => '' })), 0, "a caller's Authen::SASL");
    is($lmtp->message, "5.7.8 (hidden)\n", '... nothing of its password is seen');
}
for my $late ("500 unknown $blob", '550 not ann:' . PASSWORD, "$blob what is that?", "421 $blob") {
    my $server = ScriptedServer->new(script => sub {
        my ($peer) = @_;
        $peer->reply('220 server.example LMTP');
        $peer->line;
        $peer->reply('250-server.example', '250 AUTH PLAIN');
        $peer->line;
        $peer->reply('235 ok', $late);
        1 while defined $peer->line;
    });
    my $text = '';
    my $shown = stderr_of {
        my $lmtp = Net::LMTP->new($server->args, Debug => 1, Trace => sub { $text .= "@_" }, User => 'ann', Password => PASSWORD);
        $text .= $lmtp ? 'a link' : $@;
    };
    like($text, qr/Net::LMTP: LHLO: /, 'repeated in front of the reply to the LHLO: new fails');
    is_deeply([ seen($shown . $text, $blob) ], [], '... nothing is seen') or diag($shown . $text);
}

# --- AUTH by hand ---

my $user = encode_base64('ann', '');
my %hand = (
    tabs    => sub { $_[0]->command("AUTH\tPLAIN\t$blob")->response },
    blank   => sub { $_[0]->command(" auth  PLAIN $blob")->response },
    alone   => sub { $_[0]->_AUTH($blob) },
    raw     => sub { $_[0]->rawdatasend("AUTH PLAIN $blob\r\n"); $_[0]->response },
    answer  => sub { $_[0]->command('AUTH', 'PLAIN')->response; $_[0]->rawdatasend("$blob\r\n"); $_[0]->response },
    cut     => sub { $_[0]->rawdatasend($_) for 'AU', "TH\tPLA", 'IN ' . substr($blob, 0, 7), substr($blob, 7) . "\r", "\n"; $_[0]->response },
    joined  => sub { $_[0]->rawdatasend('AUTH PLAIN '); $_[0]->command($blob)->response },
    at_once => sub { $_[0]->rawdatasend("AUTH LOGIN\r\n$user\r\n$blob\r\n"); $_[0]->response for 1 .. 3 },
    raw_raw => sub { $_[0]->rawdatasend("AUTH PLAIN\r\n"); $_[0]->response; $_[0]->rawdatasend("$blob\r\n"); $_[0]->response },
    refused => sub { $_[0]->command('AUTH', 'LOGIN')->response; $_[0]->command($user)->response; $_[0]->command($blob)->response },
    here    => sub { $_[0]->mail('a@x'); $_[0]->command('AUTH', 'PLAIN')->response; $_[0]->command($blob)->response },
    unread  => sub { $_[0]->command('AUTH', 'PLAIN'); $_[0]->command($blob); $_[0]->response for 1, 2 },
);
for my $name (sort keys %hand) {
    my $server = ScriptedServer->new(script => sub {
        my ($peer) = @_;
        $peer->reply('220 server.example LMTP');
        $peer->line;
        $peer->reply('250-server.example', '250 AUTH PLAIN');
        while (defined(my $line = $peer->line)) { $peer->reply($line eq 'AUTH PLAIN' ? '334 ' : $line =~ /^MAIL/ ? '250 ok' : "535 unknown: $line") }
    });
    my ($text, $said) = ('', '');
    my $shown = stderr_of {
        my $lmtp = Net::LMTP->new($server->args, Debug => 1, Trace => sub { $text .= "@_" }, Timeout => 20);
        $hand{$name}->($lmtp);
        $said = join ' ', $lmtp->message, $lmtp->last_error, map { $_->as_string } $lmtp->results;
    };
    like($text, $name eq 'unread' ? qr/AUTH PLAIN/ : qr/\(hidden\)/, "by hand, $name");    # what is not sent is not shown
    is_deeply([ seen($shown . $text, $blob) ], [], '... nothing is seen') or diag($shown . $text);
    is_deeply([ seen($said, $blob) ], [], '... nor in message and last_error') or diag($said);
}
# --- later: a server that is a reply behind, or that writes a log with its answers ---

for my $how (qw(auth hand)) {
    my $server = ScriptedServer->new(script => sub {
        my ($peer) = @_;
        my %said = (LHLO => "250-server.example\r\n250-PIPELINING\r\n250 AUTH PLAIN", AUTH => '235 ok', RSET => '250 ok', DATA => '354 go', '.' => "550 5.7.1 after $blob",
            RCPT => "250 2.1.5 $blob", MAIL => "250 2.1.0 @{[PASSWORD]} is fine", NOOP => "$blob is no reply", QUIT => "421 bye $blob");
        $peer->reply('220 server.example LMTP');
        while (defined(my $line = $peer->line)) {
            my ($verb) = $line =~ /^(\w+|\.)/ or next;
            $peer->reply($said{$verb}) if $said{$verb};
        }
    });
    my ($text, $lmtp, $final) = ('');
    my $shown = stderr_of {
        $lmtp = Net::LMTP->new($server->args, Hello => 'c.example', Debug => 1, Trace => sub { $text .= "@_" }, Timeout => 20);
        $how eq 'auth' ? $lmtp->auth(ann => PASSWORD) : do { $lmtp->command(AUTH => PLAIN => $blob)->response; $lmtp->hello('c.example') };
        is($lmtp->mail('a@x'), 1, "behind a login and a good LHLO ($how)");
        is($lmtp->message, "2.1.0 (hidden)\n", '... message');
        $lmtp->reset;
        ($final) = $lmtp->deliver(From => 'a@x', To => ['b@x'], Data => "x\n");
        $lmtp->command('NOOP')->response;
        $text .= join ' ', $@, $lmtp->last_error, $final->as_string;
    };
    is($final->message, '5.7.1 (hidden)', '... results');
    is($final->enhanced, '5.7.1', '... which keep the enhanced code');
    like($text, qr/< 250 2\.1\.5 \(hidden\)/, '... Trace');
    is_deeply([ seen($shown . $text, $blob) ], [], '... nothing is seen') or diag($shown . $text);
}

done_testing;

sub run {
    my ($mechanism, $challenges, $end, @options) = @_;
    my %option = (@options, Mechanisms => $mechanism);
    my $server = ScriptedServer->new(script => echo($mechanism, $challenges, $end));
    my $text = '';
    my $say = sub { $text .= join ' ', map { defined $_ ? $_ : '' } @_, "\n" };
    local $SIG{__WARN__} = sub { $say->(@_) };
    my $shown = stderr_of {
        my $lmtp = Net::LMTP->new($server->args, Debug => 1, Trace => $say, %option);
        $say->($@, $!);
        $lmtp = Net::LMTP->new($server->args, Debug => 1, Trace => $say, Mechanisms => $mechanism) or return $say->("no link: $@");
        my $ok = $lmtp->auth(delete @option{qw(User Password)}, %option);
        $say->($ok, $lmtp->code, $lmtp->message, $lmtp->last_error, $@, $!);
        $say->(Data::Dumper->new([ \%{*$lmtp}, $lmtp->message ])->Indent(0)->Dump, map { $_->as_string } $lmtp->results);
        $say->(map { $_->as_string } $lmtp->deliver(From => 'a@x', To => ['b@x'], Data => 'x')) if !$ok;
    };
    my @sent = map { /^(?:LHLO|MAIL|RCPT|DATA|RSET|AUTH \S+\z)/ ? () : (split / /)[-1] } split /\r\n/, $server->received(0) . $server->received(1);
    my $name = "$challenges challenges, then '$end'";
    like($shown, qr/>>> AUTH $mechanism/, "$name: it was tried");
    is_deeply([ seen($shown . $text, @sent) ], [], '... nothing is seen') or diag($shown . $text);
    return;
}
