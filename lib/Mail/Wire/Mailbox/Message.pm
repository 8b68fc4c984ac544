package Mail::Wire::Mailbox::Message;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Carp qw(croak);
use Mail::Wire ();
use Mail::Wire::Mailbox::From ();

our @CARP_NOT = ('Mail::Wire::Mailbox');

# How much of a message is looked at for its header, and how much is read of one at once.
use constant { HEAD_MAX => 65536, BLOCK => 65536 };

# Fields: input, folder, offset, length; from_line; spool, when it is not in a plain file; of, where `unquotes` says that a > is taken off in
# front of each From_ line, and `is_takeout` that the senders are none.

# As a reader, that of itself.
sub next { my ($self) = @_; return $self->{is_read}++ ? undef : $self }

sub path   { $_[0]{input}->name }
sub folder { $_[0]{folder} }
sub offset { $_[0]{offset} }
sub length { $_[0]{length} }

# ---------------------------------------------------------------- the envelope

sub sender {
    my ($self) = @_;
    my ($address) = Mail::Wire::Mailbox::From::parts($self->{from_line});
    return $address if defined $address and not($self->{of}{is_takeout} and $address =~ /\A[0-9]+\@xxx\z/);
    my $path = $self->header('Return-Path');
    return defined $path && $path =~ /<([^<>]*)>/ ? $1 : undef;
}

sub date {
    my (undef, $date) = Mail::Wire::Mailbox::From::parts($_[0]{from_line});
    return $date;
}

# ---------------------------------------------------------------- bytes

# Some bytes, as they are stored.
sub _stored {
    my ($self, $at, $count) = @_;
    my $left = $self->{length} - $at;
    return '' if $left <= 0;
    $count = $left if $left < $count;
    my $spool = $self->{spool} or return $self->{input}->look($self->{offset} + $at, $count);
    my $text = $spool->text;
    return substr $$text, $at, $count if $text;
    my ($file) = $spool->stretch;
    my $got = Mail::Wire::_append_at(my $piece = '', $file, $at, $count);
    return $got == $count ? $piece : croak $self->path . ": cannot read a temporary file: $!";
}

sub beginning { my ($self, $count) = @_; return $self->_stored(0, $count) }

# Code that gives the message in pieces.
sub _pieces {
    my ($self) = @_;
    my $at = 0;
    return sub {
        my $piece = $self->_stored($at, BLOCK);
        $at += CORE::length $piece;
        return CORE::length $piece ? $piece : undef;
    };
}

sub _has_quotes {
    my ($self) = @_;
    my ($next, $tail) = ($self->_pieces, "\n");
    while (defined(my $piece = $next->())) {
        $tail .= $piece;
        return 1 if $tail =~ /\n>+From /;
        $tail = $tail =~ /(\n>*(?:F(?:r(?:om?)?)?)?)\z/ ? $1 : '';
    }
    return 0;
}

# The same, one > less in front of each From_ line. What may go on as such a line in the next piece is kept back.
sub _unquoted_pieces {
    my ($self) = @_;
    my ($next, $before, $kept) = ($self->_pieces, "\n", '');
    return sub {
        return if not defined $kept;
        my $piece = $next->();
        my $text = $before . $kept . (defined $piece ? $piece : '');
        $kept = defined $piece ? '' : undef;
        $kept = $1 if defined $piece and $text =~ s/(?<=\n)(>+(?:F(?:r(?:om?)?)?)?)\z//;
        $text =~ s/(?<=\n)>(>*From )/$1/g;
        $before = substr $text, -1;
        return substr $text, 1;
    };
}

sub _is_quoted {
    my ($self) = @_;
    $self->{is_quoted} = $self->{of}{unquotes} && $self->_has_quotes if not defined $self->{is_quoted};
    return $self->{is_quoted};
}

sub range {
    my ($self) = @_;
    return if $self->{of}{unquotes} and $self->_is_quoted;
    if (my $spool = $self->{spool}) { return $spool->text ? () : [ ($spool->stretch)[ 0 .. 2 ] ] }
    return $self->{input}->range($self->{offset}, $self->{length});
}

sub data {
    my ($self) = @_;
    return $self->_unquoted_pieces if $self->_is_quoted;
    return $self->{spool} && $self->{spool}->text || $self->_pieces;
}

sub content {
    my ($self) = @_;
    my $range = $self->range;
    return $range ? (Range => $range) : (Data => $self->data);
}

sub as_string {
    my ($self) = @_;
    my $data = $self->data;
    return $$data if ref $data eq 'SCALAR';
    my $text = '';
    while (defined(my $piece = $data->())) { $text .= $piece }
    return $text;
}

# ---------------------------------------------------------------- the header

sub head {
    my ($self) = @_;
    return $self->{head} if defined $self->{head};
    my ($head) = $self->_stored(0, HEAD_MAX) =~ /\A(.*?(?:^\r?\n|\z))/ms;
    return $self->{head} = $head;
}

sub header {
    my ($self, $name) = @_;
    my @values = $self->head =~ /^\Q$name\E[ \t]*:(.*(?:\n[ \t].*)*)/mig;
    foreach my $value (@values) {
        $value =~ s/\r?\n(?=[ \t])//g;
        $value =~ s/\A\s+|\s+\z//g;
    }
    return wantarray ? @values : $values[0];
}

sub labels {
    my ($self) = @_;
    my $value = $self->header('X-Gmail-Labels');
    return if not defined $value;
    require Encode;
    my @labels = Encode::decode('MIME-Header', $value) =~ /("(?:[^"\\]|\\.)*"|[^,]+)/g;
    foreach my $label (@labels) {
        $label =~ s/\A\s+|\s+\z//g;
        $label =~ s/\\(.)/$1/g if $label =~ s/\A"(.*)"\z/$1/;
    }
    return @labels;
}

1;
