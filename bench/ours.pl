#!/usr/bin/perl

# What is measured: Net::LMTP and Net::QMTP.
#
#   ours.pl [--tls] MODE PORT COUNT SIZE [RECIPIENTS | FILE | crlf | KIND | LINKS]
#
# KIND, of deliver and submit: how the content is given (string, list, code, handle, file), or with which options (see arguments_of).

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";

use File::Spec ();
use File::Temp ();

use Bench::Worker qw(FROM TO LINE content measure);

# Messages sent before the clock starts: small ones, so that memory shows what the measured ones take.
use constant { WARM_UP => 20, SMALL => 2048 };

# Deliveries not yet collected: fewer than the default window.
use constant KEEP => 64;

my %mode = (
    'old-style'    => \&old_style,
    'lmtp-lines'   => \&lmtp_lines,
    'lmtp-blocks'  => \&lmtp_blocks,
    'deliver'      => \&deliver,
    'submit'       => \&submit,
    'qmtp-send'    => \&qmtp_send,
    'qmtp-deliver' => \&qmtp_deliver,
    'qmtp-submit'  => \&qmtp_submit,
    'qmtp-file'    => \&qmtp_file,
    'lmtp-file'    => \&lmtp_file,
    'lmtp-memory'  => \&lmtp_memory,
    'import'       => \&import_mbox,
    'command'      => \&import_by_command,
    'pool'         => \&pool,
);

my $tls = @ARGV && $ARGV[0] eq '--tls' && shift @ARGV;
my ($mode, $port, $count, $size, $extra) = @ARGV;
die "usage: $0 [--tls] MODE PORT COUNT SIZE [RECIPIENTS | FILE | crlf]\n" if !defined $size or !$mode{$mode};
$mode{$mode}->();

sub lmtp {
    require Net::LMTP;
    my @tls = $tls ? (SSL => 1, SSL_verify_mode => 0) : ();
    return Net::LMTP->new('127.0.0.1', $port, Hello => 'client', Timeout => 60, @tls) || die "$@\n";
}

sub qmtp {
    require Net::QMTP;
    my $qmtp = Net::QMTP->new('127.0.0.1', Port => $port, Timeout => 60) || die "$@\n";
    $qmtp->encoding('unix');
    return $qmtp;
}

# TO alone, or as many addresses as were asked for.
sub recipients {
    my $many = $extra && $extra =~ /\A[0-9]+\z/ ? $extra : 1;
    return $many == 1 ? (TO) : map {"recipient$_\@example.org"} 1 .. $many;
}

sub measure_messages {
    my ($run, @to) = @_;
    my ($small, $text) = (content(SMALL), content($size));
    $run->(WARM_UP, \$small, TO);
    measure($count, sub { $run->($count, \$text, @to) });
    return;
}

sub refused {
    my ($lmtp) = @_;
    die 'refused: ', $lmtp->code, ' ', scalar $lmtp->message, "\n";
}

# ---- calls as they have always been

sub open_message {
    my ($lmtp, $to) = @_;
    $lmtp->mail(FROM) && $lmtp->to(@$to) && $lmtp->data or refused($lmtp);
    return;
}

sub old_style {
    my ($lmtp, @recipients) = (lmtp(), recipients());
    my $run = sub {
        my ($messages, $text, @to) = @_;
        for (1 .. $messages) {
            open_message($lmtp, \@to);
            $lmtp->datasend($$text) && $lmtp->dataend or refused($lmtp);
        }
    };
    measure_messages($run, @recipients);
    return;
}

# One message of COUNT pieces, the same each time.
sub one_message {
    my ($piece) = @_;
    my $lmtp = lmtp();
    my $run = sub {
        open_message($lmtp, [TO]);
        for (1 .. $_[0]) { $lmtp->datasend($piece) or refused($lmtp) }
        $lmtp->dataend or refused($lmtp);
    };
    $run->(1);
    measure($count, sub { $run->($count) });
    return;
}

sub lmtp_lines  { one_message(content(LINE)) }
sub lmtp_blocks { one_message(block()) }

sub block {
    my $block = content($size);
    $block =~ s/[^\n]\n/\r\n/g if $extra;
    return $block;
}

# ---- deliver, submit, collect: the same for both protocols

sub good {
    my ($what) = @_;
    $_->is_success or die 'refused: ', $_->as_string, "\n" for @$what;
    return;
}

sub taken {
    my ($done) = @_;
    $done->is_success or good([ $done->results ]);
    return;
}

# What gives a message's arguments, of a kind.
sub arguments_of {
    my ($kind, $text, @to) = @_;
    my @from = (From => FROM, To => \@to);
    my %more = (
        deadline => [ Deadline => 60 ],
        options  => [ Size => length $$text, Bits => 8, Deadline => 60 ],
        envelope => [ Return => 'HDRS', Envelope => 'id' ],
        encoding => [ Encoding => 'unix' ],
    );
    return sub { (@from, Data => $$text) } if $kind eq 'string';
    return sub { (@from, Data => $$text, @{ $more{$kind} }) } if $more{$kind};
    if ($kind eq 'list') {
        my @lines = split /^/, $$text;
        return sub { (@from, Data => \@lines) };
    }
    if ($kind eq 'code') {
        return sub { my $left = 1; (@from, Data => sub { $left-- > 0 ? $$text : undef }) };
    }
    if ($kind eq 'handle' or $kind eq 'file') {
        my $file = File::Temp->new;
        print {$file} $$text;
        close $file;
        return sub { (@from, File => $file->filename) } if $kind eq 'file';
        open my $handle, '<', $file->filename or die "$file: $!\n";
        return sub { seek $handle, 0, 0; (@from, Data => $handle) };
    }
    my @rcpts = map { [ $_, { Notify => [ 'FAILURE', 'DELAY' ], ORcpt => "rfc822;$_" } ] } @to;
    return sub { (From => FROM, To => \@rcpts, Data => $$text) } if $kind eq 'rcpts';
    die "no kind '$kind'\n";
}

sub kind { return $extra && $extra =~ /\A[a-z]+\z/ ? $extra : 'string' }

sub deliver_all {
    my ($link) = @_;
    my $run = sub {
        my ($messages, $text, @to) = @_;
        my $arguments = arguments_of(kind(), $text, @to);
        good([ $link->deliver($arguments->()) ]) for 1 .. $messages;
    };
    measure_messages($run, recipients());
    return;
}

sub submit_all {
    my ($link) = @_;
    my $run = sub {
        my ($messages, $text, @to) = @_;
        my $arguments = arguments_of(kind(), $text, @to);
        for (1 .. $messages) {
            $link->submit($arguments->()) or die "nothing submitted\n";
            taken($link->collect) if $link->in_flight >= KEEP;
        }
        while (my $done = $link->collect) { taken($done) }
    };
    measure_messages($run, recipients());
    return;
}

# The messages of a mailbox, from its beginning again where it has fewer.
sub import_mbox {
    require Mail::Wire::Mailbox;
    my $link = lmtp();
    my $run = sub {
        my ($messages) = @_;
        my $mailbox;
        for (1 .. $messages) {
            my $message = $mailbox && $mailbox->next;
            $message ||= ($mailbox = Mail::Wire::Mailbox->new($extra))->next;
            $link->submit(From => FROM, To => [TO], $message->content) or die "nothing submitted\n";
            taken($link->collect) if $link->in_flight >= KEEP;
        }
        while (my $done = $link->collect) { taken($done) }
    };
    $run->(WARM_UP);
    measure($count, sub { $run->($count) });
    return;
}

# What `mailwire import` does, in this process, with a journal. The clock starts when it is loaded.
sub import_by_command {
    require Mail::Wire::Command;
    my $work = File::Temp->newdir;
    my $run = sub {
        my ($journal, @paths) = @_;
        my @command = ('import', '-q', '--to', TO, '--journal', "$work/$journal", "lmtp://127.0.0.1:$port", @paths);
        open my $told, '>&', \*STDOUT or die "dup: $!\n";
        open STDOUT, '>', File::Spec->devnull or die File::Spec->devnull . ": $!\n";
        my $code = Mail::Wire::Command->run(@command);
        open STDOUT, '>&', $told or die "dup: $!\n";
        die "exit code $code\n" if $code;
    };
    my $small = File::Temp->new(SUFFIX => '.mbox');
    print {$small} "From a\@example.org Thu Jan  1 00:00:00 2026\nSubject: x\n\nx\n";
    close $small;
    $run->('first', "$small");
    my $each = messages_in($extra);
    die "$count is no multiple of $each\n" if $count % $each;
    measure($count, sub { $run->('journal', ($extra) x ($count / $each)) });
    return;
}

sub messages_in {
    my ($file) = @_;
    my ($mailbox, $messages) = (Mail::Wire::Mailbox->new($file), 0);
    $messages++ while $mailbox->next;
    return $messages;
}

sub pool {
    require Mail::Wire::Pool;
    my $links = Mail::Wire::Pool->new("lmtp://127.0.0.1:$port", Links => $extra, Timeout => 60);
    my $run = sub {
        my ($messages, $text) = @_;
        for (1 .. $messages) {
            $links->submit(From => FROM, To => [TO], Data => $$text);
            taken($links->collect) if $links->in_flight >= KEEP * $extra;
        }
        while (my $done = $links->collect) { taken($done) }
    };
    measure_messages($run, TO);
    return;
}

sub deliver      { deliver_all(lmtp()) }
sub submit       { submit_all(lmtp()) }
sub qmtp_deliver { deliver_all(qmtp()) }
sub qmtp_submit  { submit_all(qmtp()) }

# ---- QMTP as it has always been

sub send_package {
    my ($qmtp) = @_;
    my $answers = $qmtp->send or die $qmtp->error, "\n";
    /\Asuccess: / or die "$_\n" for values %$answers;
    return;
}

sub qmtp_send {
    my $qmtp = qmtp();
    my $run = sub {
        my ($messages, $text, @to) = @_;
        for (1 .. $messages) {
            $qmtp->new_envelope;
            $qmtp->new_message;
            $qmtp->sender(FROM);
            $qmtp->recipient($_) for @to;
            $qmtp->message($$text);
            send_package($qmtp);
        }
    };
    measure_messages($run, recipients());
    return;
}

# SIZE is that of a block, of which the file has COUNT.
sub qmtp_file {
    my $qmtp = qmtp();
    $qmtp->sender(FROM);
    $qmtp->recipient(TO);
    $qmtp->message("first\n");
    send_package($qmtp);
    $qmtp->new_message;
    $qmtp->message_from_file($extra);
    measure($count, sub { send_package($qmtp) });
    return;
}

sub lmtp_file {
    my $lmtp = lmtp();
    good([ $lmtp->deliver(From => FROM, To => [TO], Data => "first\n") ]);
    measure($count, sub { good([ $lmtp->deliver(From => FROM, To => [TO], File => $extra) ]) });
    return;
}

sub lmtp_memory {
    my $lmtp = lmtp();
    my $text = block() x $count;
    good([ $lmtp->deliver(From => FROM, To => [TO], Data => "first\n") ]);
    measure($count, sub { good([ $lmtp->deliver(From => FROM, To => [TO], Data => $text) ]) });
    return;
}
