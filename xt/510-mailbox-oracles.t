# Mail::Wire::Mailbox beside Mail::Box, Email::Folder and Mail::Mbox::MessageParser, over mboxes that are made at random of what is nasty;
# and a flat memory over large ones.

use strict;
use warnings;

use Test::More;

use lib 'xt/lib', 't/lib';
use MailboxTest;
use Memory;
use RealServer;

RealServer->need(qw(Mail::Box::Mbox Email::Folder Mail::Mbox::MessageParser));

my $date = 'Mon Jan  1 00:00:00 2020';

# What each of them makes of a file: texts, which end as they do before the blank line that is between messages.
my %oracle = (
    'Mail::Box' => sub {
        my $folder = Mail::Box::Mbox->new(folder => $_[0], access => 'r', lock_type => 'NONE', log => 'NONE', trace => 'NONE') or return;
        my @texts = map { $_->string } $folder->messages;
        $folder->close(write => 'NEVER');
        return @texts;
    },
    'Email::Folder' => sub {
        my $folder = Email::Folder->new($_[0]);
        return map { $_->as_string } $folder->messages;
    },
    'Mail::Mbox::MessageParser' => sub {
        open my $handle, '<:raw', $_[0] or die $!;
        my $parser = Mail::Mbox::MessageParser->new({ file_name => $_[0], file_handle => $handle, enable_cache => 0, enable_grep => 0 });
        die "$parser\n" if !ref $parser;
        my @texts;
        until ($parser->end_of_file) {
            my $text = ${ $parser->read_next_email };
            $text =~ s/\AFrom [^\n]*\n//;
            push @texts, $text;
        }
        return @texts;
    },
);

# How many blank lines are at a message's end is each one's own affair, and how it writes the quoted From_ lines.
sub settled {
    return [ map { (my $text = $_) =~ s/\n*\z//; $text =~ s/^>+From /From /mg; $text } @_ ];
}

my @lines = (
    "From here on\n", "From a\@x\n", "from a\@x $date\n", " From a\@x $date\n", "From: a\@x\n", ">From a\@x $date\n", ">>From b\n",
    "> From c\n", "\n", "\n\n\n", "text\n",
    "Content-Length: 7\n", 'x' x 5000 . "\n", "tabs\t and blanks \n", "\xe4\xf6\xfc\xff\n", "--=_boundary\n", ".\n", "..\n", "a\rb\n", "\f\n", "Fro",
);

sub message {
    my (@of) = @_;
    my $head = "From: a\@x\nTo: b\@x\nSubject: " . int(rand 1e6) . "\nDate: Mon, 1 Jan 2020 00:00:00 +0000\n";
    $head .= 'Content-Length: ' . int(rand 300) . "\n" if rand() < 0.3;
    return $head . "\n" . join('', map { $of[ rand @of ] } 1 .. rand 20) . "end\n";
}

srand 1;
for my $round (1 .. 150) {
    my @messages = map { message(@lines) } 1 .. 1 + rand 8;
    my $octets = join '', map {"From a\@x $date\n$_\n"} @messages;
    $octets =~ s/\n+\z// if $round % 5 == 0;
    my $path = write_file('box', $octets);
    my ($ours, $died) = messages_of($path, Format => 'mbox');
    is($died, '', "mbox $round is read");
    my $expected = settled(map { $_->as_string } @$ours);
    is_deeply($expected, settled(@messages), '... as it was written');
    for my $name (sort keys %oracle) {
        my @texts = $oracle{$name}->($path);
        s/\r\n|\r(?=\n)/\n/g for @texts;
        is_deeply(settled(@texts), $expected, "... as by $name");
    }
}

# What only some of them know: no blank line between messages, CRLF, NUL, nothing.
my $two = "From a\@x $date\nFrom: a\@x\nSubject: one\n\n1\n\nFrom a\@x $date\nFrom: a\@x\nSubject: two\n\n2\n\n";
(my $close = $two) =~ s/\n\nFrom /\nFrom /;
(my $crlf = $two) =~ s/\n/\r\n/g;
(my $nul = $two) =~ s/^1$/\0\0\0/m;
for my $case (
    [ 'no blank line between', $close, 'Mail::Box' ],
    [ 'CRLF',                  $crlf,  'Mail::Box' ],
    [ 'NUL',                   $nul,   'Mail::Box', 'Email::Folder', 'Mail::Mbox::MessageParser' ],
    [ 'nothing',               '',     'Mail::Box', 'Email::Folder' ],
) {
    my ($name, $octets, @others) = @$case;
    my $path = write_file('box', $octets);
    my ($ours) = messages_of($path);
    is(scalar @$ours, length $octets ? 2 : 0, $name);
    is(scalar($oracle{$_}->($path)), scalar @$ours, "... as by $_") for @others;
}

# ---- large

sub rises {
    my ($name, $most, $count, $path, @options) = @_;
    my $mailbox = Mail::Wire::Mailbox->new($path, @options);
    my ($found, $start) = (0, 0);
    while (my $message = $mailbox->next) {
        $start = Memory::resident() if ++$found == 2 or !$start;
        my %argument = $message->content;
        next if !$argument{Data} or ref $argument{Data} ne 'CODE';
        1 while defined $argument{Data}->();
    }
    is($found, $count, "$name: all messages");
    cmp_ok(Memory::resident() - $start, '<', $most, "$name: memory is what it was");
}

SKIP: {
    skip 'no /proc that tells', 6 if !Memory::resident();
    my $line = 'x' x 75 . "\n";
    my $path = write_file('large', '');
    my $fill = sub {
        my ($count, $text) = @_;
        open my $fh, '>:raw', $path or die $!;
        print {$fh} "From a\@x $date\nSubject: $_\n\n$text\n" for 1 .. $count;
        close $fh or die $!;
    };
    $fill->(4, ($line x 400_000) . ">From x\n" . $line x 900_000);
    rises('messages of 100 MB', 4000, 4, $path);
    rises('messages of 100 MB, mboxrd', 4000, 4, $path, Format => 'mboxrd');
    $fill->(500_000, $line);
    rises('500,000 messages', 4000, 500_000, $path);
}

done_testing;
