# The API of mailwire sink --web, by bare requests: what it gives, and to whom.

use strict;
use warnings;

use lib 't/lib';
use CommandTest;
use File::Temp ();
use IO::Socket::INET ();
use Mail::Wire ();
use Mail::Wire::Sink::Web ();
use POSIX ();
use Test::More;

plan skip_all => "the page $@" if !Mail::Wire::Sink::Web::is_there();
require JSON::PP;

my $folder = File::Temp->newdir;
my $pid = start({ stdout => "$folder/out" }, qw(sink --lmtp --qmtp --web --keep 5 -q));
wait_for(sub { -e "$folder/out" && read_file("$folder/out") =~ /^http/m }) or die errors($pid);
my ($lmtp, $qmtp, $web) = split /\n/, read_file("$folder/out");
my ($port) = $web =~ m{\Ahttp://127\.0\.0\.1:([0-9]+)/\z} or die "not where it is to be: $web";

# Status, header and body.
sub request {
    my ($method, $path, %arg) = @_;
    my $body = defined $arg{body} ? $arg{body} : '';
    my %header = (Host => "127.0.0.1:$port", Connection => 'close', 'Content-Length' => length $body, %{ $arg{header} || {} });
    my $link = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) or die "no link: $!";
    print {$link} "$method /$path HTTP/1.1\r\n", map({"$_: $header{$_}\r\n"} grep { defined $header{$_} } sort keys %header), "\r\n", $body;
    my $reply = do { local $/; <$link> };
    my ($head, $content) = split /\r\n\r\n/, $reply, 2;
    return ($head =~ m{\AHTTP/1\.1 ([0-9]+)}, $head, $content);
}

sub status { return (request(@_))[0] }

sub api {
    my ($path) = @_;
    my ($status, undef, $content) = request(GET => "api/$path");
    my $value = JSON::PP->new->utf8->decode($content);
    return $status == 200 ? $value : $value->{error};
}

sub sent {
    my ($url, $text, @to) = @_;
    my $client = Mail::Wire->connect($url) or die $@;
    return join ' ', map { $_->status } $client->deliver(From => 'ann@example.org', To => [ @to ? @to : 'ben@example.org' ], Data => $text);
}

# ---------------------------------------------------------------- messages

my $mail = <<'MAIL';
From: =?UTF-8?Q?Zo=C3=AB?= <zoe@example.net>
To: ben@example.org
Subject: =?UTF-8?B?R3LDvMOfZQ==?=
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

Caf=E9 =3D coffee
--b
Content-Type: text/html; charset=utf-8

<p>Hi<script src="http://127.0.0.1:1/x.js">1</script><link rel=preconnect href=http://127.0.0.1:1><iMg src="cid:dot@x"><IFRAME src=x></iframe>
--b
Content-Type: image/png; name="../do\"t.png"
Content-ID: <dot@x>
Content-Transfer-Encoding: base64

iVBORw0KGgo=
--b
Content-Type: image/svg+xml
Content-Disposition: attachment; filename="x.svg"

<svg onload="alert(1)"/>
--b--
MAIL

is_deeply(api('messages'), { messages => [], more => 0, total => 0, dropped => 0, cleared => 0 }, 'no messages');
is(sent($lmtp, $mail, 'ben@example.org', 'eve@example.org'), 'success success', 'one is sent');
my ($message) = @{ api('messages')->{messages} };
is($message->{subject}, "Gr\x{fc}\x{df}e", 'its subject');
is($message->{author}, "Zo\x{eb} <zoe\@example.net>", 'who has written it');
is_deeply([ map { "$_->{address} $_->{status}" } @{ $message->{recipients} } ], [ 'ben@example.org success', 'eve@example.org success' ], 'verdicts');
my $id = $message->{id};
my $whole = api("messages/$id");
is($whole->{text}, "Caf\x{e9} = coffee", 'its text') or diag(explain($whole->{text}));
ok($whole->{html}, 'there is HTML');
is_deeply([ map { "$_->{type} $_->{size}" } @{ $whole->{parts} }[ 0, 2, 3 ] ], [ 'text/plain 13', 'image/png 8', 'image/svg+xml 24' ], 'its parts')
    or diag(explain($whole->{parts}));

my (undef, $head, $html) = request(GET => "api/messages/$id/html");
like($head, qr/^Content-Security-Policy: sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:;/m, 'HTML: nothing is loaded or run');
unlike($html, qr/<(?:script|link|iframe)/i, '... nothing is there that would');
like($html, qr{<iMg src="data:image/png;base64,iVBORw0KGgo=">}, '... its own images are');
(undef, $head, my $png) = request(GET => "api/messages/$id/parts/2");
is($png, "\x89PNG\r\n\x1a\n", 'a part');
like($head, qr/^Content-Disposition: inline; filename="[A-Za-z0-9_-][\w.-]*"\r?$/m, '... its name is tame') or diag($head);
(undef, $head) = request(GET => "api/messages/$id/parts/3");
like($head, qr{^Content-Type: application/octet-stream\r?$}m, 'SVG, which may run, is not shown');
like($head, qr{^Content-Disposition: attachment}m, '... but saved');
(undef, $head, my $source) = request(GET => "api/messages/$id/source");
(my $crlf = $mail) =~ s/\n/\r\n/g;
is($source, $crlf, 'its source');
like($head, qr{^Content-Type: text/plain.*^X-Content-Type-Options: nosniff}ms, '... is text');
is(api("messages/$id/parts/9"), 'there is no such part', 'a part that is not there');
is(api('messages/99'), 'there is no such message, or no more', 'a message that is not there');
is(status(GET => 'nothing'), 404, 'a page that is not there');
is(status(GET => '../../Web.pm'), 404, '... and a file');

# ---------------------------------------------------------------- search, limits, waiting

is(sent($qmtp, "Subject: number $_\n\nword$_\n"), 'success', "message $_") for 2 .. 7;
sub ids { return join ' ', map { $_->{id} } @{ api($_[0])->{messages} } }
is(ids('messages'), '3 4 5 6 7', 'the last five are kept');
is(api('messages')->{dropped}, 2, '... two are not');
is(ids('messages?limit=2'), '6 7', 'the last two');
is(ids('messages?limit=2&before=6'), '4 5', '... before one');
is(ids('messages?after=5'), '6 7', '... behind one');
is(ids('messages?search=WORD4'), '4', 'search in the text');
is(ids('messages?search=ben%40example'), '3 4 5 6 7', '... the envelope');
is(api('messages?limit=x'), 'limit must be a number', 'a limit that is none');
sent($lmtp, $mail);
is(ids('messages?search=caf%C3%A9'), '8', 'search in what is encoded');
is(ids('messages?search=gr%C3%BC'), '8', '... and in its header');
is(ids('wait?count=8'), '4 5 6 7 8', 'wait for what is there');
is(api('wait?count=9&seconds=0.1'), 'only 8 of 9 messages have come', '... for what is not');
is(api('wait?count=1&seconds=0.1&search=nowhere'), 'only 0 of 1 messages have come', '... by search');
is(api('wait?seconds=601'), 'seconds must be a number, 600 at the most', '... too long');

my $waiting = fork;
defined $waiting or die "fork: $!";
if (!$waiting) {
    my $is = api('wait?count=9&seconds=60');
    POSIX::_exit(ref $is && $is->{total} == 9 ? 0 : 1);
}
sent($lmtp, $mail);
waitpid $waiting, 0;
is($?, 0, 'who waits is told');

is(status(DELETE => 'api/messages/8'), 204, 'one is forgotten');
is(ids('messages'), '5 6 7 9', '... it has gone');
is(status(DELETE => 'api/messages'), 204, 'all are forgotten');
is(api('messages')->{total}, 0, '... they have gone');

# ---------------------------------------------------------------- rules

is(status(PUT => 'api/rules', body => "rcpt *\@bad 550 5.1.1 No\n"), 204, 'rules');
is(sent($lmtp, 'x', 'a@bad', 'a@good') . ' ' . sent($qmtp, 'x', 'a@bad', 'a@good'), 'failure success failure success', '... hold');
my ($status, undef, $error) = request(PUT => 'api/rules', body => "rcpt a 550 x\nrcpt b\n");
is($status, 422, 'wrong rules');
is($error, '{"error":"line 2: rcpt needs an address and a reply behind it"}', '... where');
is(api('rules')->{text}, "rcpt *\@bad 550 5.1.1 No\n", '... and nothing has changed');

# ---------------------------------------------------------------- who may ask

my @foreign = (
    [ 'another name', { Host => "evil.example:$port" } ],
    [ 'no name', { Host => undef } ],
    [ 'a name that looks like an address', { Host => "127.0.0.1.evil.example:$port" } ],
    [ 'another origin', { Origin => 'http://evil.example' } ],
    [ 'no origin', { Origin => 'null' } ],
    [ 'another port', { Origin => 'http://127.0.0.1:1' } ],
    [ 'another site', { 'Sec-Fetch-Site' => 'cross-site' } ],
);
for my $case (@foreign) {
    my ($name, $header) = @$case;
    is(status(DELETE => 'api/messages', header => $header), 403, "$name: no");
    is(status(GET => 'api/messages', header => $header), 403, '... nor reading');
}
is(api('messages')->{total}, 2, 'nothing was forgotten');
is(status(GET => 'api', header => { Host => "localhost:$port", Origin => "http://localhost:$port", 'Sec-Fetch-Site' => 'same-origin' }), 200, 'its own page');
is(status(GET => '', header => { 'Sec-Fetch-Site' => 'cross-site' }), 200, 'a link to the page');
is(status(PUT => 'api/rules', body => 'x' x 3_000_000), 413, 'too much of rules');
like((request(GET => ''))[1], qr/^Content-Security-Policy: default-src 'none'; script-src 'self';/m, 'the page runs its own script only');

kill TERM => $pid;
is((finish($pid))[0], 0, 'it ends');

done_testing;
