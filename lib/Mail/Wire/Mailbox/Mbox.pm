package Mail::Wire::Mailbox::Mbox;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Mail::Wire::Mailbox::From ();
use Mail::Wire::Mailbox::Window ();

our @ISA = ('Mail::Wire::Mailbox::Window');
our @CARP_NOT = ('Mail::Wire::Mailbox');

# A From_ line in front of each message, and a blank line behind it. In `of`: `by_length`, messages may say how long they are;
# `unquotes` and `is_takeout` are the message's affair.

# A message that says how long it is is looked at for that so far.
use constant HEAD_MAX => 65536;

sub new {
    my ($class, $input, $folder, %of) = @_;
    return $class->SUPER::new($of{by_length} ? $input->settled : $input, $folder, %of);
}

# The From_ line that ended a message is known.
sub _begin {
    my ($self) = @_;
    my $line = $self->{next_line};
    if (defined $line) {
        $self->{front} = $self->{behind_line} - $self->{base};
        undef $self->{next_line};
    }
    else {
        $self->_skip_blank or return;
        $line = $self->_line(\&Mail::Wire::Mailbox::From::is_line);
        $self->{input}->fail('a From_ line is due: "From ", an address and a date; is it another format?', $self->{base} + $self->{front})
            if not defined $line;
    }
    $self->{known_end} = $self->_known_end if $self->{of}{by_length};
    return $line;
}

# ---------------------------------------------------------------- where a message ends

sub _end {
    my ($self) = @_;
    return $self->_end_by_length if defined $self->{known_end};
    my $at = $self->{seen};
    while (($at = index $self->{buffer}, "\nFrom", $at) >= 0) {
        my $end = index $self->{buffer}, "\n", $at + 5;
        if ($end < 0) {
            $end = length $self->{buffer};
            last if not $self->{is_ended} and $end - $at <= $self->LINE_MAX;
        }
        my $line = substr $self->{buffer}, $at + 1, $end - $at - 1;
        if (Mail::Wire::Mailbox::From::is_line($line)) {
            $self->{next_line} = $line;
            $self->{behind_line} = $self->{base} + ($end < length $self->{buffer} ? $end + 1 : $end);
            return $self->_less_blank($at + 1);
        }
        $at = $end;
    }
    return $self->_less_blank(length $self->{buffer}) if $self->{is_ended};

    # The line that is not all there, or what may be a part of one, and a blank line in front of it.
    $self->{seen} = ($at < 0 ? length($self->{buffer}) - 5 : $at) - 1;
    return;
}

# Where the blank line in front begins, if there is one.
sub _less_blank {
    my ($self, $at) = @_;
    my $tail = substr $self->{buffer}, $at - 3, 3;
    return $at - (substr($tail, 1) eq "\n\n" ? 1 : $tail eq "\n\r\n" ? 2 : 0);
}

# ---------------------------------------------------------------- Content-Length

sub _end_by_length {
    my ($self) = @_;
    my $end = $self->{known_end} - $self->{base};
    return $end if $end <= length $self->{buffer};
    $self->{seen} = length $self->{buffer};
    return;
}

# Where the message ends by its Content-Length, if that is so: a From_ line follows, or the file's end, and a blank line at most before.
sub _known_end {
    my ($self) = @_;
    my ($input, $start) = ($self->{input}, $self->{base} + $self->{front});
    my ($head) = $input->look($start, HEAD_MAX) =~ /\A(.*?^\r?\n)/ms or return;
    my ($length) = $head =~ /^Content-Length[ \t]*:[ \t]*([0-9]{1,15})[ \t]*\r?$/mi or return;
    my $end = $start + length($head) + $length;
    my $tail = $input->look($end - 1, $self->LINE_MAX + 8);
    return if not $tail =~ s/\A\n|\A[^\n](?:\r?\n|\z)//;
    return $end if $tail =~ /\A(?:\r?\n)?\z/;
    my ($line) = $tail =~ /\A(?:\r?\n)?(From [^\n]*)/ or return;
    return Mail::Wire::Mailbox::From::is_line($line) ? $end : undef;
}

1;
