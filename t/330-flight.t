# Deliveries to a server that keeps to the protocol: every result is what it said, every message is what was sent, whatever form its
# content, its recipients and the link have.

use strict;
use warnings;

use File::Temp ();
use Test::More;

use lib 't/lib';
use FlightTest;

my %keywords = (
    keywords_of(),
    'streams where nobody answers for nobody' => [ 'PIPELINING', '8BITMIME', 'CHUNKING' ],
);
my @kinds = sort keys %keywords;
my @hows = qw(deliver submit mixed);

my $server = FlightServer->new;

sub server_of {
    my ($kind) = @_;
    return { keywords => $keywords{$kind}, silent_none => $kind =~ /nobody/ ? 1 : 0 };
}

sub exact {
    my ($kind, $how, $name, @messages) = @_;
    return fly($server, "$name ($kind, $how)", server => server_of($kind), how => $how, exact => 1, messages => \@messages);
}

# ---- recipients

my @recipients = (
    [ 'one'                => ['a@x'] ],
    [ 'several'            => [ 'a@x', 'b@x', 'c@x' ] ],
    [ 'equal ones'         => [ 'a@x', 'a@x', 'full@x', 'a@x' ] ],
    [ 'some refused'       => [ 'no@x', 'a@x', 'later@x', 'bad@x', 'full@x', 'b@x' ] ],
    [ 'all refused'        => [ 'no@x', 'later@x', 'no@x' ] ],
    [ 'the first refused'  => [ 'no@x', 'a@x' ] ],
    [ 'the last refused'   => [ 'a@x', 'no@x' ] ],
    [ 'all bad at the end' => [ 'full@x', 'bad@x' ] ],
    [ 'a hundred'          => [ map {"r$_\@x"} 1 .. 100 ] ],
);
for my $kind (@kinds) {
    for my $how (@hows) {
        my $n = 0;
        exact($kind, $how, 'all kinds of recipients', map { message('m' . ++$n, @{ $_->[1] }) } @recipients);
        exact($kind, $how, 'in another order', map { message('m' . ++$n, @{ $_->[1] }) } reverse @recipients);
        exact($kind, $how, 'refused senders and refused content between them',
            message('m1', 'a@x'), message('m2-nomail', 'a@x', 'no@x'), message('m3', 'a@x'), message('m4-nodata', 'a@x', 'no@x'),
            message('m5', 'no@x'), message('m6-nodata', 'a@x'), message('m7-nomail', 'no@x'), message('m8', 'a@x', 'b@x'));
    }
}

# ---- addresses that cannot be sent

my @unsendable = ("cr\rlf\@x", "a\r\nRCPT TO:<b\@x>", "lf\nmail\@x", "nul\0\@x", 'a@x> NOTIFY=NEVER', "umlaut\xe4\@x", "wide\x{263a}\@x", 'l' x 1100 . '@x');
for my $kind (@kinds) {
    for my $how (@hows) {
        my @to = ('a@x', (map { ($_, 'b@x') } @unsendable), 'no@x');
        my ($results, $truth) = exact($kind, $how, 'some that cannot be sent',
            message('m1', @to), message('m2', @unsendable), message('m3', 'a@x', $unsendable[0]), message('m4', 'a@x'));
        my $lines = join "\n", @{ $truth->{lines} };
        unlike $lines, qr/NOTIFY|umlaut|mail\@x|nul|llll/, 'nothing of them is';
    }
}

# ---- senders that cannot be sent

for my $kind (@kinds) {
    for my $from ("m\r\@x", "m\nDATA", 'm@x> SIZE=1', "\xe4\@x", 'l' x 1100 . '@x') {
        my $lmtp = connect_to($server, server => server_of($kind));
        my @results = $lmtp->deliver(From => $from, To => [ 'a@x', "b\r\@x" ], Data => "text\n");
        is_deeply [ map { [ $_->code, $_->stage, $_->maybe_delivered ] } @results ], [ ([ 553, 'mail', 0 ]) x 2 ],
            "a sender that cannot be sent ($kind)";
        ok +($lmtp->deliver(From => 'm1@x', To => ['a@x'], Data => "text\n"))[0]->is_success, 'and then one that can';
        undef $lmtp;
        is_deeply [ grep {length} keys %{ $server->truth->{messages} } ], ['m1'], 'nothing else is sent';
    }
}

# ---- content

my $big = join '', map {"line $_ with a few words in it, and . dots\n.$_\n"} 1 .. 20_000;
my @texts = (
    [ 'nothing'               => '' ],
    [ 'a line end'            => "\n" ],
    [ 'a dot'                 => '.' ],
    [ 'dots'                  => "..\n.\n.\r\n...\n" ],
    [ 'no line end'           => 'text' ],
    [ 'CRLF'                  => "a\r\nb\r\n" ],
    [ 'both line ends'        => "a\nb\r\nc\n\r\n" ],
    [ 'all octets but the CR' => join('', map {chr} 0 .. 12, 14 .. 255) . "\n" ],
    [ '100 KB'                => "0123456789abcde\n" x 6400 ],
    [ '300 KB without a line end' => 'x' x 300_000 ],
    [ 'more than a megabyte'  => $big ],
);

sub file_of {
    my ($text) = @_;
    my $file = File::Temp->new;
    binmode $file;
    print {$file} $text;
    $file->flush;
    return $file;
}

my %form = (
    string => sub { (Data => $_[0]) },
    reference => sub { my $text = $_[0]; (Data => \$text) },
    lines => sub { (Data => [ split /(?<=\n)/, $_[0] ]) },
    handle => sub { open my $fh, '<:raw', \(my $text = $_[0]) or die $!; (Data => $fh) },
    'file handle' => sub { my $file = file_of($_[0]); seek $file, 0, 0; (Data => $file) },
    code => sub { my @pieces = unpack '(a60000)*', $_[0]; (Data => sub { shift @pieces }) },
    'code by the byte' => sub { my @pieces = split //, substr $_[0], 0, 3000; (Data => sub { shift @pieces }) },
);
for my $kind (@kinds) {
    for my $form (sort keys %form) {
        my $n = 0;
        my @messages = map {
            my $text = $form =~ /byte/ ? substr $_->[1], 0, 3000 : $_->[1];
            { name => 'm' . ++$n, to => ['a@x'], text => $text, options => { $form{$form}->($text) } }
        } @texts;
        fly($server, "content by $form ($kind)", server => server_of($kind), how => $hows[ length($form) % 3 ], exact => 1, messages => \@messages);
    }
    my @files = map { file_of($_->[1]) } @texts;
    my $n = -1;
    fly($server, "content of files ($kind)", server => server_of($kind), how => 'submit', exact => 1,
        messages => [ map { $n++; { name => "m$n", to => [ 'a@x', 'full@x' ], text => $texts[$n][1], options => { File => "$files[$n]" } } } @texts ]);
}

for my $kind (@kinds) {
    my $message = message('m1', 'a@x', 'full@x');
    $message->{data} = $big x 8;
    exact($kind, 'submit', '10 MB', $message, message('m2', 'a@x'));
}

# ---- many

for my $kind (@kinds) {
    my @many = map { message("m$_", $_ % 10 ? 'a@x' : ('a@x', 'no@x'), $_ % 7 ? () : 'full@x') } 1 .. 200;
    exact($kind, $_, '200 messages', @many) for @hows;
}

# ---- a caller's string that changes, and one that goes

for my $kind (@kinds) {
    my $lmtp = connect_to($server, server => server_of($kind));
    my $text = "before\n" x 20_000;
    $lmtp->submit(From => "m$_\@x", To => ['a@x'], Data => $text) for 1 .. 3;
    $text = "after\n" x 20_000;
    $lmtp->submit(From => 'm4@x', To => ['a@x'], Data => "gone$_\n" x 20_000) for 1;
    1 while $lmtp->collect;
    undef $lmtp;
    my $messages = $server->truth->{messages};
    is_deeply [ map { substr $messages->{"m$_"}{body}, 0, 6 } 1 .. 4 ], [ ('before') x 3, "gone1\r" ], "strings are as they were ($kind)";
}

done_testing;
