#!/usr/bin/perl

# Delivers every file of eg/mail to several recipients by LMTP over TCP, by LMTP
# over a UNIX socket and by QMTP, each to a server of its own in this process'
# children, and shows what became of each recipient and each message.
#
#     perl -Mblib eg/deliver.pl
#
# Exits with 1 if anything differs from what was expected.

use strict;
use warnings;

use File::Basename qw(basename dirname);
use File::Glob qw(bsd_glob);
use File::Temp qw(tempdir);

use Mail::Wire::Sink;
use Net::LMTP;
use Net::QMTP;

my $SENDER = 'sender@example.org';

# What each recipient should get, by protocol: status, code, stage.
my @EXPECTED = (
    [ 'ada@example.org',    lmtp => 'success 250 final',  qmtp => 'success 250 final' ],
    [ 'nobody@example.org', lmtp => 'failure 550 rcpt',   qmtp => 'failure 550 final' ],
    [ 'full@example.net',   lmtp => 'deferral 452 final', qmtp => 'deferral 450 final' ],
    [ 'ben@example.net',    lmtp => 'success 250 final',  qmtp => 'success 250 final' ],
);
my @RECIPIENTS = map { $_->[0] } @EXPECTED;

# What the servers say to make it so.
my %LMTP_RULES = (
    rcpt  => { 'nobody@example.org' => '550 5.1.1 No such user' },
    final => { 'full@example.net'   => '452 4.2.2 Mailbox full' },
);
my %QMTP_RULES = (
    protocol => 'qmtp',
    rcpt  => { 'nobody@example.org' => 'DNo such user (#5.1.1)' },
    final => { 'full@example.net'   => 'ZMailbox full (#4.2.2)' },
);

my $ROW = "%-9s  %-17s  %-18s  %-8s  %-4s  %-5s  %s\n";

my $directory = tempdir(CLEANUP => 1);
my @files     = bsd_glob(dirname($0) . '/mail/*.eml');
my $problems  = @files ? 0 : problem('there is no mail to deliver');

printf $ROW, qw(protocol file recipient status code stage text);
deliver_all('lmtp tcp',  \&lmtp_link, \&by_lmtp, %LMTP_RULES);
deliver_all('lmtp unix', \&lmtp_link, \&by_lmtp, %LMTP_RULES, path => "$directory/lmtp");
deliver_all('qmtp',      \&qmtp_link, \&by_qmtp, %QMTP_RULES);
print $problems ? "$problems differences from what was expected\n" : "All as expected.\n";
exit($problems ? 1 : 0);

# All files over one link, to a server of its own.
sub deliver_all {
    my ($route, $connect, $deliver, %options) = @_;
    my $sink     = Mail::Wire::Sink->new(%options);
    my $link     = $connect->($sink);
    my $protocol = $options{protocol} || 'lmtp';
    for my $file (@files) {
        show_results($route, $protocol, basename($file), $deliver->($link, $file));
    }
    $link->can('quit') ? $link->quit : $link->disconnect;
    show_stored($route, $protocol, $sink);
    $sink->stop;
    return;
}

# ---- LMTP

sub lmtp_link {
    my ($sink) = @_;
    my $lmtp = Net::LMTP->new($sink->host, $sink->port, Hello => 'client.example.org', Timeout => 30);
    return $lmtp || die 'no LMTP link to ', $sink->url, ": $@\n";
}

sub by_lmtp {
    my ($lmtp, $file) = @_;
    open my $mail, '<:raw', $file or die "$file: $!\n";
    $lmtp->mail($SENDER, Bits => 8);
    $lmtp->recipient(@RECIPIENTS, { SkipBad => 1 });
    $lmtp->data or die "$file: DATA: ", $lmtp->code, ' ', $lmtp->message;
    while (read $mail, my $block, 65_536) {
        $lmtp->datasend($block);
    }
    $lmtp->dataend;    # false, as one recipient is refused here
    return $lmtp->results;
}

# ---- QMTP

sub qmtp_link {
    my ($sink) = @_;
    my $qmtp = Net::QMTP->new($sink->host, Port => $sink->port, ConnectTimeout => 30);
    return $qmtp || die 'no QMTP link to ', $sink->url, ": $!\n";
}

sub by_qmtp {
    my ($qmtp, $file) = @_;
    $qmtp->new_envelope;
    $qmtp->new_message;
    $qmtp->sender($SENDER);
    $qmtp->recipient($_) for @RECIPIENTS;
    $qmtp->encoding(slurp($file) =~ /\r\n/ ? 'dos' : 'unix');
    $qmtp->message_from_file($file);
    $qmtp->send or die "$file: ", $qmtp->error, "\n";
    return $qmtp->results;
}

# ---- what became of it

sub show_results {
    my ($route, $protocol, $file, @results) = @_;
    for my $expected (@EXPECTED) {
        my ($address, %want) = @$expected;
        my $result = shift @results or problem("$route, $file: no result for $address"), next;
        my $got = join ' ', $result->status, $result->code, $result->stage;
        printf $ROW, $route, $file, $result->recipient, split(' ', $got), one_line($result->message);
        problem("expected $address: $want{$protocol}")
            if $result->recipient ne $address || $got ne $want{$protocol};
    }
    problem("$route, $file: a result too many: " . $_->as_string) for @results;
    return;
}

sub one_line { my ($text) = @_; $text =~ s/\s+\z//; $text =~ s/\s*\n/ | /g; return $text }

sub show_stored {
    my ($route, $protocol, $sink) = @_;
    my @messages = $sink->messages;
    print "\n";
    for my $file (@files) {
        my $message = shift @messages or problem("$route, $file: not stored"), next;
        my $sent    = $protocol eq 'lmtp' ? as_lmtp(slurp($file)) : slurp($file);
        my $why     = difference($message, $sent);
        printf "%-9s  %-17s  %4d octets stored, %s\n", $route, basename($file), $message->{size},
            $why ? "NOT as sent: $why" : same_as(-s $file, $message->{size});
        problem("$route, $file: $why") if $why;
    }
    problem("$route: a message too many") for @messages;
    print "\n";
    return;
}

sub same_as {
    my ($file_size, $size) = @_;
    return $size == $file_size ? 'same as the file' : "same as the file's $file_size with CRLF line ends";
}

sub difference {
    my ($message, $sent) = @_;
    my @addresses = map { $_->{address} } @{ $message->{recipients} };
    return 'sender'     if $message->{from} ne $SENDER;
    return 'recipients' if "@addresses" ne "@RECIPIENTS";
    return 'line end'   if $message->{eol} && $message->{eol} ne ($sent =~ /\r\n/ ? "\015" : "\012");
    return $message->{data} eq $sent ? '' : 'text';
}

# LMTP has one kind of line end, and no line without one.
sub as_lmtp {
    my ($octets) = @_;
    $octets =~ s/\r?\n/\r\n/g;
    $octets .= "\r\n" if $octets !~ /\r\n\z/;
    return $octets;
}

sub slurp {
    my ($file) = @_;
    open my $in, '<:raw', $file or die "$file: $!\n";
    local $/;
    return scalar <$in>;
}

sub problem { my ($text) = @_; print "  DIFFERENT: $text\n"; return ++$problems }
