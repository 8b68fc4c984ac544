package LMTPPeer;

# A server's side of an LMTP session that keeps the truth. It is honest: a class that has it lies in its `say`.
#
#   package Mine;
#   our @ISA = 'LMTPPeer';              # a PeerReader, which needs `more`
#   sub say { my ($self, $point, $reply) = @_; ... }    # says it, the last line end being left to it; returns the code that counts
#   Mine->new(keywords => [ 'PIPELINING' ], ...)->session;
#
# What it decides hangs on names: a message is called by the local part of its sender (m1@x), a recipient by its place among the RCPTs of
# its message. Of recipients, no... and later... are refused by RCPT (550, 450), full... and bad... at the end (452, 554); of senders,
# ...-nomail is refused, ...-nodata has its DATA or BDAT refused.
#
# A point is what a reply is about: "mail m1", "rcpt m1 0", "data m1", "chunk m1 0", "final m1 0", "lhlo 2" (the second), "rset 1", "quit".
#
# Options: name and keywords (of LHLO's reply), silent_none (no reply to BDAT LAST without a recipient), takes_none (354 without one), keeps_open (neither
# LHLO nor an end that is refused to all ends a transaction: Cyrus), runs_refused (a chunk without a recipient is refused by this reply
# and its bytes are run as commands; '' for none), rcpt_max (more recipients of a transaction are refused by `too_many`, 452 4.5.3 when there
# is none; the same message may come again then, for those).
#
# $self->{truth}:
#   messages   name => { rcpts => [ { address, accepted, refusal, final } ], refusal (of MAIL), data_refusal, wanted, body, ended }
#   lines      the commands
#   problems   what no client of ours may do

use strict;
use warnings;

use PeerReader;

our @ISA = 'PeerReader';

sub new {
    my ($class, %option) = @_;
    return bless { %option, in => '', count => {}, truth => { messages => {}, lines => [], problems => [] } }, $class;
}

sub session {
    my ($self) = @_;
    $self->greeting;
    while (1) {
        my $line = $self->line;
        push @{ $self->{truth}{lines} }, $line;
        my ($verb, $rest) = $line =~ /\A([A-Z]+) ?(.*)\z/s;
        my $method = $self->can('do_' . lc(defined $verb ? $verb : '')) || $self->can('do_other');
        $self->$method($rest);
    }
    return;
}

# Without its end.
sub line {
    my ($self) = @_;
    my $line = $self->raw_line;
    $self->problem("a line without its CRLF: $line") if $line !~ s/\r\n\z//;
    return $line;
}

sub problem {
    my ($self, $text) = @_;
    push @{ $self->{truth}{problems} }, $text;
    return;
}

sub counted {
    my ($self, $what) = @_;
    return "$what " . ++$self->{count}{$what};
}

sub do_other {
    my ($self) = @_;
    $self->problem("no command: $self->{truth}{lines}[-1]");
    return $self->say($self->counted('other'), '500 5.5.2 what?');
}

sub lhlo_reply {
    my ($self) = @_;
    my @lines = ($self->{name} || 'server.example', @{ $self->{keywords} || [] });
    my $last = pop @lines;
    return join "\r\n", (map {"250-$_"} @lines), "250 $last";
}

sub do_lhlo {
    my ($self) = @_;
    $self->{message} = undef if !$self->{keeps_open};
    return $self->say($self->counted('lhlo'), $self->lhlo_reply);
}

sub do_rset {
    my ($self) = @_;
    $self->{message} = undef;
    return $self->say($self->counted('rset'), '250 2.0.0 reset');
}

sub do_noop { return $_[0]->say($_[0]->counted('noop'), '250 2.0.0 nothing') }

sub do_quit { return $_[0]->say(quit => '221 bye') }

sub do_mail {
    my ($self, $rest) = @_;
    my ($name) = $rest =~ /\AFROM:<([^@>]*)/;
    return $self->say($self->counted('nested'), '503 5.5.1 nested MAIL') if $self->{message};
    my $message = $self->again($name) || { name => $name, rcpts => [] };
    $self->{truth}{messages}{$name} = $self->{latest} = $message;
    if ($name =~ /-nomail\z/) {
        $message->{refusal} = "550 5.1.0 $name no";
        return $self->say("mail $name", $message->{refusal});
    }
    my $code = $self->say("mail $name", "250 2.1.0 $name");
    $self->{message} = $message if $code !~ /\A[45]/;
    return;
}

# A message that is there already, with the recipients that were refused only for their number gone.
sub again {
    my ($self, $name) = @_;
    my $message = $self->{truth}{messages}{$name} or return;
    $self->problem("message $name a second time") if !$self->{rcpt_max};
    $_->{is_done} = 1 for @{ $message->{rcpts} };
    @{ $message->{rcpts} } = grep { !$_->{is_too_many} } @{ $message->{rcpts} };
    $message->{is_again} = 1;
    return $message;
}

sub do_rcpt {
    my ($self, $rest) = @_;
    my ($address) = $rest =~ /\ATO:<([^>]*)>/;
    my $message = $self->{message};
    return $self->say($self->counted('orphan'), '503 5.5.1 RCPT without MAIL') if !$message;
    my $i = @{ $message->{rcpts} };
    my $what = "$message->{name} r$i";
    my $is_too_many = $self->{rcpt_max} && $self->accepted($message) >= $self->{rcpt_max};
    my $refusal
        = $is_too_many           ? $self->{too_many} || '452 4.5.3 too many'
        : $address =~ /\Ano/    ? "550 5.1.1 $what unknown"
        : $address =~ /\Alater/ ? "450-4.2.1 $what later\r\n450 4.2.1 much later"
        :                         undef;
    my $rcpt = { address => $address, accepted => defined $refusal ? 0 : 1, refusal => $refusal, is_too_many => $is_too_many };
    push @{ $message->{rcpts} }, $rcpt;
    my $code = $self->say("rcpt $message->{name} $i", defined $refusal ? $refusal : "250 2.1.5 $what");
    $rcpt->{accepted} = 0 if $code =~ /\A[45]/;
    return;
}

sub accepted { return grep { $_->{accepted} && !$_->{is_done} } @{ $_[1]{rcpts} } }

# The reply that refuses a content; undef when it is welcome.
sub refuses {
    my ($self) = @_;
    my $message = $self->{message} or return '503 5.5.1 no message';
    return $message->{data_refusal} = "451 4.3.0 $message->{name} no data" if $message->{name} =~ /-nodata\z/;
    return '554 5.5.1 no valid recipients' if !$self->accepted($message) and !$self->{takes_none};
    return;
}

# Called when a content's first bytes are due.
sub content_begins { return }

sub do_data {
    my ($self) = @_;
    my $message = $self->{message};
    my $name = $message ? $message->{name} : '';
    my $refusal = $self->refuses;
    return $self->say("data $name", $refusal) if defined $refusal;
    $message->{wanted} = 1;
    return if $self->say("data $name", '354 go on') =~ /\A[45]/;
    $self->content_begins($name);
    ($message->{body} = $self->data) =~ s/^\.//mg;
    return $self->end($message);
}

sub do_bdat {
    my ($self, $rest) = @_;
    my ($size, $last) = $rest =~ /\A([0-9]+)( LAST)?\z/ or return $self->do_other;
    my $message = $self->{message};
    my $name = $message ? $message->{name} : '';
    if (defined $self->{runs_refused} and !$message || !$self->accepted($message)) {
        return length $self->{runs_refused} ? $self->say("data $name", $self->{runs_refused}) : ();
    }
    $self->{latest}{wanted} = 1;
    $self->content_begins($name) if $size;
    my $bytes = $self->bytes($size);
    my $refusal = $self->refuses;
    if (defined $refusal) {
        return if $last and $self->{silent_none} and $refusal =~ /\A5/;
        $self->say("data $name", $refusal);
        $self->{message} = undef if $last;
        return;
    }
    $message->{body} = '' if !defined $message->{body} or delete $message->{is_again};
    $message->{body} .= $bytes;
    return $self->end($message) if $last;
    return $self->say("chunk $name " . ($message->{chunks}++ || 0), "250 2.0.0 $name $size octets");
}

# The end of a content: one reply for each accepted recipient (RFC 2033 4.2).
sub end {
    my ($self, $message) = @_;
    $message->{ended} = 1;
    my $rcpts = $message->{rcpts};
    for my $i (grep { $rcpts->[$_]{accepted} && !$rcpts->[$_]{is_done} } 0 .. $#$rcpts) {
        my $what = "$message->{name} r$i";
        my $address = $rcpts->[$i]{address};
        my $reply
            = $address =~ /\Afull/ ? "452 4.2.2 $what full"
            : $address =~ /\Abad/  ? "554 5.6.0 $what bad"
            :                        "250 2.0.0 $what";
        $rcpts->[$i]{final} = $reply;
        $self->say("final $message->{name} $i", $reply);
    }
    $self->{message} = undef if !$self->{keeps_open} or grep { defined $_->{final} && $_->{final} =~ /\A2/ } @$rcpts;
    return;
}

1;
