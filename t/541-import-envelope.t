# Who gets a message of a mailbox.

use strict;
use warnings;

use lib 't/lib';
use Mail::Wire::Import::Envelope;
use MailboxTest;
use Test::More;

my $head = <<'END';
Return-Path: <back@example.org>
Delivered-To: last@example.org
Delivered-To: first@example.org
X-Original-To: orig@example.org
From: "Author, An" <author@example.org> (me)
To: Ann <ann@example.org>, "Q, R" <q@example.org>, team: b@example.org, "odd one"@example.org;, ann@example.org
X-Gmail-Labels: Inbox,Work,=?UTF-8?Q?Gr=C3=BC=C3=9Fe?=,Unread,Category Updates,"a,b"
Empty: undisclosed-recipients:;
Broken: <a@example.org> b c <

END

my $mbox = write_file('box', "From sender\@example.org Thu Jan  1 00:00:00 2026\n${head}Text\n");
my $maildir = write_file('dir/cur/1.x:2,S', $head);
$maildir =~ s{/cur/.*}{};
write_file("dir/$_/x", '') foreach 'new', '.Sent.2020/new';
write_file('.Sent.2020/cur/2.x:2,', $head, $maildir);
write_file('.Entw&APw-rfe.My Box/cur/3.x:2,', $head, $maildir);
write_file('.Entw&APw-rfe.My Box/new/.keep', '', $maildir);
write_file('.Sent.2020/new/.keep', '', $maildir);
write_file('new/.keep', '', $maildir);
my ($messages) = messages_of($mbox);
my ($message) = @$messages;

foreach my $case (
    # name, options, sender, recipients
    [ 'given',                   { sender => 'a@b', recipients => [qw(x@y z)] }, 'a@b', [qw(x@y z)] ],
    [ 'the null sender',         { sender => '', recipients => ['x'] }, '', ['x'] ],
    [ 'the From_ line',          { recipients => ['x'] }, 'sender@example.org', ['x'] ],
    [ 'a header',                { sender_headers => [qw(None From)] }, 'author@example.org', [] ],
    [ 'the uppermost',           { recipient_headers => [qw(Delivered-To X-Original-To)] }, undef, ['last@example.org'] ],
    [ 'the first that is there', { recipient_headers => [qw(None X-Original-To Delivered-To)] }, undef, ['orig@example.org'] ],
    [ 'several, each once',      { recipient_headers => ['To'] }, undef, [qw(ann@example.org q@example.org b@example.org), '"odd one"@example.org'] ],
    [ 'a group of nobody',       { recipient_headers => ['Empty'] }, undef, [] ],
    [ 'no list of addresses',    { recipient_headers => ['Broken'] }, undef, [] ],
    [ 'none of them',            { recipient_headers => ['None'] }, undef, [] ],
    [ 'a map',                   { recipients => ['x'], map => sub { map {"$_\@y"} @_, @_ } }, undef, ['x@y'] ],
    [ 'labels',                  { recipients => ['u@d'], by_labels => 1 }, undef, [ 'u@d', 'u+Work@d', "u+Gr\xc3\xbc\xc3\x9fe\@d", '"u+a,b"@d' ] ],
    [ 'labels that are no place', { recipients => ['u@d'], by_labels => 1, not_labels => [ 'work', 'a,b', "Gr\xc3\xbc\xc3\x9fe" ] }, undef, ['u@d'] ],
    [ 'another separator',       { recipients => [qw(u "u@v"@d)], by_labels => 1, separator => '-', not_labels => [ 'inbox', 'a,b', "Gr\xc3\xbc\xc3\x9fe" ] },
        undef, [ 'u-Work', '"u@v-Work"@d' ] ],
) {
    my ($name, $options, $sender, $recipients) = @$case;
    my $envelope = Mail::Wire::Import::Envelope->new(%$options);
    is($envelope->sender($message), $sender, "$name: sender") if defined $sender;
    is_deeply([ $envelope->recipients($message) ], $recipients, "$name: recipients");
}

($messages) = messages_of($maildir);
foreach my $case ([ '/', [ 'u@d', "\"u+Entw\xc3\xbcrfe/My Box\"\@d", 'u+Sent/2020@d' ] ], [ '.', [ 'u@d', "\"u+Entw\xc3\xbcrfe.My Box\"\@d", 'u+Sent.2020@d' ] ]) {
    my $envelope = Mail::Wire::Import::Envelope->new(recipients => ['u@d'], by_folders => 1, hierarchy => $case->[0]);
    is_deeply([ sort map { $envelope->recipients($_) } @$messages ], [ sort @{ $case->[1] } ], "folders, with $case->[0]");
}
is(Mail::Wire::Import::Envelope->new(recipients => ['u'])->sender($messages->[0]), 'back@example.org', 'without a From_ line: Return-Path');

my $map = Mail::Wire::Import::Envelope::map_of(write_file('map', <<'END'));
# comment

Ann@Example.org  a@new b@new
@example.org     domain@new
gone@example.net -
*                rest@new
END
foreach my $case (
    [ 'ann@example.org',  [qw(a@new b@new)] ],
    [ 'ben@EXAMPLE.org',  ['domain@new'] ],
    [ 'gone@example.net', [] ],
    [ 'eve@example.com',  ['rest@new'] ],
    [ 'local',            ['rest@new'] ],
) {
    is_deeply([ $map->($case->[0]) ], $case->[1], "the map: $case->[0]");
}
my $code = Mail::Wire::Import::Envelope::map_of(write_file('map.pl', 'sub { map { "new-$_" } @_ };'));
is_deeply([ $code->('a', 'b') ], [qw(new-a new-b)], 'a map of code');
foreach my $case (
    [ 'map',    "a\n",          qr/map, line 1: an address and at least one recipient are due/ ],
    [ 'map',    "a b\nA c\n",   qr/map, line 2: 'A' is there already/ ],
    [ 'map.pl', '1;',           qr/map\.pl is no code: its last statement is to be sub/ ],
    [ 'map.pl', 'sub { ',       qr/map\.pl cannot be run: / ],
) {
    my ($name, $text, $error) = @$case;
    is(eval { Mail::Wire::Import::Envelope::map_of(write_file($name, $text)); 1 }, undef, "no map: $text");
    like($@, $error, '  says why');
}
done_testing;
