package Mail::Wire::Sink::QMTP;

# One QMTP link (cr.yp.to/proto/qmtp.txt), as octets in and octets out.

use strict;
use warnings;
use re 'taint';

use parent 'Mail::Wire::Sink::Link';

our $VERSION = '1.000';

# Digits of a netstring's length, and octets of a sender or of all recipients:
# what is longer is a broken client's, and ends the link.
use constant { MAX_DIGITS => 12, MAX_ENVELOPE => 16 * 1024 * 1024 };

# As qmail-qmtpd: addresses of a thousand octets or more are refused.
use constant MAX_ADDRESS => 999;

my $SIZE = do { my $more = MAX_DIGITS - 1; qr/0|[1-9][0-9]{0,$more}/ };

my %STEP = (
    size     => \&_step_size,
    line_end => \&_step_line_end,
    body     => \&_step_body,
    envelope => \&_step_envelope,
);

sub new {
    my ($class, %arg) = @_;
    my $self = $class->SUPER::new(%arg);
    $self->_expect('message');
    return $self;
}

sub greet { return }
sub step  { my ($self) = @_; return $STEP{ $self->{state} }->($self) }

sub _expect {
    my ($self, $part) = @_;
    @$self{qw(part state)} = ($part, 'size');
    return;
}

# A package that is none ends the link with no answer, as in qmail-qmtpd.
sub _bad {
    my ($self, $why) = @_;
    $self->{on_command}->("BAD $why");
    $self->end;
    return 0;
}

# ---- reading a package

sub _step_size {
    my ($self) = @_;
    if ($self->{in} !~ s/\A($SIZE)://) {
        return $self->{in} =~ /\A(?:$SIZE)?\z/ ? 0 : $self->_bad('length');
    }
    $self->{left} = $1;
    return $self->_begin_message if $self->{part} eq 'message';
    return $self->_bad("$self->{part} too long") if $self->{left} > MAX_ENVELOPE;
    $self->{state} = 'envelope';
    return 1;
}

sub _begin_message {
    my ($self) = @_;
    return $self->_bad('empty message') if !$self->{left};
    $self->{body}  = $self->new_body;
    $self->{state} = 'line_end';
    return 1;
}

sub _step_line_end {
    my ($self) = @_;
    return 0 if !length $self->{in};
    my $octet = substr $self->{in}, 0, 1, '';
    return $self->_bad('line end') if $octet ne "\012" && $octet ne "\015";
    $self->{on_command}->(sprintf 'MESSAGE %s %s', --$self->{left}, $octet eq "\012" ? 'unix' : 'dos');
    @$self{qw(eol state)} = ($octet, 'body');
    return 1;
}

sub _step_body {
    my ($self) = @_;
    my $size = length $self->{in} < $self->{left} ? length $self->{in} : $self->{left};
    my $octets = substr $self->{in}, 0, $size, '';
    $self->{left} -= $size;
    $self->{body}->add($octets);
    return 0 if $self->{left} || !length $self->{in};
    return $self->_bad('no comma') if substr($self->{in}, 0, 1, '') ne ',';
    $self->_expect('sender');
    return 1;
}

sub _step_envelope {
    my ($self) = @_;
    my $size = $self->{left};
    return 0 if length $self->{in} <= $size;
    my $octets = substr $self->{in}, 0, $size, '';
    return $self->_bad('no comma') if substr($self->{in}, 0, 1, '') ne ',';
    return $self->_finish($octets) if $self->{part} eq 'recipients';
    $self->{on_command}->("SENDER $octets");
    $self->{from} = $octets;
    $self->_expect('recipients');
    return 1;
}

# The netstrings inside the last one; undef if they don't fill it exactly.
sub _recipients {
    my ($octets) = @_;
    my ($at, @recipients) = (0);
    while ($at < length $octets) {
        pos($octets) = $at;
        $octets =~ /\G($SIZE):/gc or return undef;
        my $from = pos $octets;
        return undef if $from + $1 >= length $octets || substr($octets, $from + $1, 1) ne ',';
        push @recipients, substr $octets, $from, $1;
        $at = $from + $1 + 1;
    }
    return \@recipients;
}

# ---- answering it

sub _finish {
    my ($self, $octets) = @_;
    my $addresses = _recipients($octets);
    return $self->_bad('recipients') if !$addresses || !@$addresses;
    $self->{on_command}->("RECIPIENT $_") for @$addresses;
    my $message = $self->_message($addresses);
    $self->_decide($message);
    $self->store($message) or $self->_unstored($message);
    $self->keep($message);
    my @answers = map { $self->_frame($_->{answer}) } @{ $message->{recipients} };
    @answers = $answers[0] if $self->{script}->fault('one_answer');
    delete $_->{answer} for @{ $message->{recipients} };
    $self->emit_finals($self->_frame('Kone answer too many'), @answers);
    $self->_expect('message');
    return 1;
}

sub _message {
    my ($self, $addresses) = @_;
    return {
        protocol   => 'qmtp',
        link       => $self->{link},
        from       => $self->{from},
        eol        => $self->{eol},
        recipients => [ map { { address => $_ } } @$addresses ],
        $self->{body}->record,
    };
}

# What each recipient is answered: by the sender, by itself, at the end.
sub _decide {
    my ($self, $message) = @_;
    my $script = $self->{script};
    my $mail   = $self->_sender_answer($message);
    for my $rcpt (@{ $message->{recipients} }) {
        my $address = $rcpt->{address};
        my ($answer, $stage) = ($mail, 'mail');
        ($answer, $stage) = (_address_answer($address), 'rcpt') if !defined $answer;
        $answer = $script->reply_for('rcpt', $address, {}) if !defined $answer;
        ($answer, $stage) = ($script->reply_for('final', $address, $message), 'final') if !defined $answer;
        $answer = 'Kok' if !defined $answer;
        my $text = ref $answer ? $$answer : $answer;
        @$rcpt{qw(answer stage reply accepted)} = ($answer, $stage, $text, !ref $answer && $text =~ /\AK/ ? 1 : 0);
    }
    return;
}

sub _unstored {
    my ($self, $message) = @_;
    my $answer = 'Znot stored (#4.3.0)';
    @$_{qw(answer stage reply accepted)} = ($answer, 'final', $answer, 0) for grep { $_->{accepted} } @{ $message->{recipients} };
    return;
}

sub _sender_answer {
    my ($self, $message) = @_;
    my ($script, $from) = ($self->{script}, $message->{from});
    my $limit = $script->size;
    return 'Dmessage too big (#5.3.4)' if $limit && $message->{size} > $limit;
    my $bad = _address_answer($from);
    return defined $bad ? $bad : $script->reply_for('mail', $from, {});
}

sub _address_answer {
    my ($address) = @_;
    return 'Daddress too long (#5.1.3)' if length $address > MAX_ADDRESS;
    return 'Daddress has a NUL (#5.1.3)' if $address =~ /\0/;
    return undef;
}

# A reference is sent as it stands; the faults change text and declared length.
sub _frame {
    my ($self, $answer) = @_;
    return $$answer if ref $answer;
    my $script = $self->{script};
    my $pad    = ($script->fault('oversize') || 0) - length $answer;
    $answer .= 'x' x $pad if $pad > 0;
    return length($answer) + ($script->fault('misframe') || 0) . ":$answer,";
}

1;
