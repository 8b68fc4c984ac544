package TestMail;

# The messages that every real server gets, and one way to send them with the old calls.

use strict;
use warnings;

use Exporter 'import';
use Test::More;

our @EXPORT = qw(messages send_message results_are new_lmtp);

sub header {
    my ($name) = @_;
    return "From: <sender\@example.org>\nTo: <list\@example.org>\nSubject: $name\n"
        . "Message-ID: <$name\@example.org>\nMIME-Version: 1.0\n"
        . "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n";
}

# A list of { name, text }; text has LF line ends and a whole last line.
sub messages {
    my %body = (
        'plain'      => "Hello.\n",
        'no-body'    => '',
        'dots'       => ".\n..\n.x\nx.\n.\n\n.\n",
        'eight-bit'  => "Gr\xc3\xbc\xc3\x9fe \xe2\x80\x94 \xff\xfe\x80 raw octets\n",
        'long-lines' => join('', map { 'x' x $_ . "\n" } 77, 997, 998, 5000),
        'blank-ends' => "\n\n  \n\t\n \n\n",
        'large'      => join('', map {"line $_ of a message that takes many reads\n"} 1 .. 40_000),
    );
    return map { { name => $_, text => header($_) . $body{$_} } } sort keys %body;
}

sub new_lmtp {
    my (@where) = @_;
    require Net::LMTP;
    my $lmtp = Net::LMTP->new(@where, Hello => 'client.example.org', Timeout => 60);
    ok($lmtp, join ' ', 'connected to', grep {defined} @where[ 0, 1 ]) or die "no connection: $@\n";
    return $lmtp;
}

# Sends the text in pieces of an odd size. Returns what dataend says.
sub send_message {
    my ($lmtp, $text, @recipients) = @_;
    $lmtp->mail('sender@example.org') or return 0;
    $lmtp->recipient(@recipients, { SkipBad => 1 }) or return 0;
    $lmtp->data or return 0;
    for (my $at = 0; $at < length $text; $at += 7001) {
        $lmtp->datasend(substr $text, $at, 7001) or return 0;
    }
    return $lmtp->dataend ? 1 : 0;
}

# Compares results with rows of [ recipient, status, code, stage, maybe_delivered ].
sub results_are {
    my ($results, $expected, $name) = @_;
    my @got = map {
        [ $_->recipient, $_->status, $_->code, $_->stage, $_->maybe_delivered ? 1 : 0 ]
    } @$results;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return is_deeply(\@got, $expected, $name)
        || diag(map { $_->as_string . "\n" } @$results);
}

1;
